(component
  (type $ty-modsmith:plugin/types@1.0.0 (;0;)
    (instance
      (type (;0;) (record (field "root" string) (field "relative" string)))
      (export (;1;) "path" (type (eq 0)))
      (type (;2;) (enum "unsupported" "invalid" "denied" "missing" "other"))
      (export (;3;) "error-kind" (type (eq 2)))
      (type (;4;) (list string))
      (type (;5;) (option u8))
      (type (;6;) (record (field "kind" 3) (field "message" string) (field "hints" 4) (field "code" 5)))
      (export (;7;) "error" (type (eq 6)))
      (type (;8;) (variant (case "text" string) (case "location" 1)))
      (export (;9;) "argument" (type (eq 8)))
      (type (;10;) (tuple string string))
      (export (;11;) "property" (type (eq 10)))
    )
  )
  (import "modsmith:plugin/types@1.0.0" (instance $modsmith:plugin/types@1.0.0 (;0;) (type $ty-modsmith:plugin/types@1.0.0)))
  (alias export $modsmith:plugin/types@1.0.0 "property" (type $property (;1;)))
  (type $ty-modsmith:plugin/log@1.0.0 (;2;)
    (instance
      (type (;0;) (enum "trace" "debug" "info" "warn" "error"))
      (export (;1;) "level" (type (eq 0)))
      (alias outer 1 $property (type (;2;)))
      (export (;3;) "property" (type (eq 2)))
      (type (;4;) (list 3))
      (type (;5;) (func (param "level" 1) (param "message" string) (param "fields" 4)))
      (export (;0;) "emit" (func (type 5)))
    )
  )
  (import "modsmith:plugin/log@1.0.0" (instance $modsmith:plugin/log@1.0.0 (;1;) (type $ty-modsmith:plugin/log@1.0.0)))
  (alias export $modsmith:plugin/types@1.0.0 "error" (type $error (;3;)))
  (type $ty-modsmith:plugin/system@1.0.0 (;4;)
    (instance
      (alias outer 1 $error (type (;0;)))
      (export (;1;) "error" (type (eq 0)))
      (type (;2;) (result string (error 1)))
      (type (;3;) (func (param "name" string) (result 2)))
      (export (;0;) "probe" (func (type 3)))
    )
  )
  (import "modsmith:plugin/system@1.0.0" (instance $modsmith:plugin/system@1.0.0 (;2;) (type $ty-modsmith:plugin/system@1.0.0)))
  (type $ty-modsmith:plugin/context@1.0.0 (;5;)
    (instance
      (export (;0;) "kernel" (type (sub resource)))
      (type (;1;) (borrow 0))
      (type (;2;) (func (param "self" 1) (result string)))
      (export (;0;) "[method]kernel.release" (func (type 2)))
    )
  )
  (import "modsmith:plugin/context@1.0.0" (instance $modsmith:plugin/context@1.0.0 (;3;) (type $ty-modsmith:plugin/context@1.0.0)))
  (alias export $modsmith:plugin/context@1.0.0 "kernel" (type $kernel (;6;)))
  (type $ty-modsmith:plugin/requests@1.0.0 (;7;)
    (instance
      (export (;0;) "image-request" (type (sub resource)))
      (alias outer 1 $kernel (type (;1;)))
      (export (;2;) "kernel" (type (eq 1)))
      (type (;3;) (borrow 0))
      (type (;4;) (own 2))
      (type (;5;) (func (param "self" 3) (result 4)))
      (export (;0;) "[method]image-request.kernel" (func (type 5)))
    )
  )
  (import "modsmith:plugin/requests@1.0.0" (instance $modsmith:plugin/requests@1.0.0 (;4;) (type $ty-modsmith:plugin/requests@1.0.0)))
  (alias export $modsmith:plugin/types@1.0.0 "path" (type $path (;8;)))
  (alias export $modsmith:plugin/types@1.0.0 "error" (type $"#type9 error" (@name "error") (;9;)))
  (alias export $modsmith:plugin/types@1.0.0 "argument" (type $argument (;10;)))
  (type $ty-modsmith:plugin/plan@1.0.0 (;11;)
    (instance
      (export (;0;) "builder" (type (sub resource)))
      (alias outer 1 $path (type (;1;)))
      (export (;2;) "path" (type (eq 1)))
      (alias outer 1 $"#type9 error" (type (;3;)))
      (export (;4;) "error" (type (eq 3)))
      (export (;5;) "command" (type (sub resource)))
      (alias outer 1 $argument (type (;6;)))
      (export (;7;) "argument" (type (eq 6)))
      (type (;8;) (own 5))
      (type (;9;) (func (param "program" string) (result 8)))
      (export (;0;) "[constructor]command" (func (type 9)))
      (type (;10;) (borrow 5))
      (type (;11;) (func (param "self" 10) (param "argument" 7)))
      (export (;1;) "[method]command.argument" (func (type 11)))
      (type (;12;) (func (param "self" 10) (param "name" string) (param "value" string)))
      (export (;2;) "[method]command.variable" (func (type 12)))
      (type (;13;) (borrow 0))
      (type (;14;) (func (param "self" 13) (param "text" string)))
      (export (;3;) "[method]builder.note" (func (type 14)))
      (type (;15;) (list u8))
      (type (;16;) (result (error 4)))
      (type (;17;) (func (param "self" 13) (param "at" 2) (param "contents" 15) (param "mode" u32) (result 16)))
      (export (;4;) "[method]builder.write-file" (func (type 17)))
      (type (;18;) (func (param "self" 13) (param "at" 2) (param "target" string) (result 16)))
      (export (;5;) "[method]builder.symlink" (func (type 18)))
      (type (;19;) (func (param "self" 13) (param "at" 2) (result 16)))
      (export (;6;) "[method]builder.remove" (func (type 19)))
      (type (;20;) (func (param "self" 13) (param "at" 2) (param "suffix" string) (result 16)))
      (export (;7;) "[method]builder.back-up" (func (type 20)))
      (type (;21;) (func (param "self" 13) (param "command" 8) (result 16)))
      (export (;8;) "[method]builder.run" (func (type 21)))
    )
  )
  (import "modsmith:plugin/plan@1.0.0" (instance $modsmith:plugin/plan@1.0.0 (;5;) (type $ty-modsmith:plugin/plan@1.0.0)))
  (core module $main (;0;)
    (type (;0;) (func (param i32)))
    (type (;1;) (func (param i32) (result i32)))
    (type (;2;) (func (param i32 i32)))
    (type (;3;) (func (param i32 i32 i32)))
    (type (;4;) (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (type (;5;) (func (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (type (;6;) (func (param i32 i32 i32 i32 i32 i32)))
    (type (;7;) (func (param i32 i32) (result i32)))
    (type (;8;) (func (param i32 i32 i32 i32 i32)))
    (type (;9;) (func (param i32 i32 i32 i32) (result i32)))
    (import "modsmith:plugin/requests@1.0.0" "[resource-drop]image-request" (func $drop-request (;0;) (type 0)))
    (import "modsmith:plugin/requests@1.0.0" "[method]image-request.kernel" (func $kernel (;1;) (type 1)))
    (import "modsmith:plugin/context@1.0.0" "[resource-drop]kernel" (func $drop-kernel (;2;) (type 0)))
    (import "modsmith:plugin/context@1.0.0" "[method]kernel.release" (func $release (;3;) (type 2)))
    (import "modsmith:plugin/plan@1.0.0" "[resource-drop]builder" (func $drop-plan (;4;) (type 0)))
    (import "modsmith:plugin/plan@1.0.0" "[method]builder.note" (func $note (;5;) (type 3)))
    (import "modsmith:plugin/plan@1.0.0" "[method]builder.write-file" (func $write-file (;6;) (type 4)))
    (import "modsmith:plugin/plan@1.0.0" "[method]builder.back-up" (func $back-up (;7;) (type 5)))
    (import "modsmith:plugin/plan@1.0.0" "[method]builder.remove" (func $remove (;8;) (type 6)))
    (import "modsmith:plugin/plan@1.0.0" "[method]builder.symlink" (func $symlink (;9;) (type 5)))
    (import "modsmith:plugin/plan@1.0.0" "[constructor]command" (func $command (;10;) (type 7)))
    (import "modsmith:plugin/plan@1.0.0" "[method]command.argument" (func $argument (;11;) (type 6)))
    (import "modsmith:plugin/plan@1.0.0" "[method]command.variable" (func $variable (;12;) (type 8)))
    (import "modsmith:plugin/plan@1.0.0" "[method]builder.run" (func $run (;13;) (type 3)))
    (import "modsmith:plugin/system@1.0.0" "probe" (func $probe (;14;) (type 3)))
    (import "modsmith:plugin/log@1.0.0" "emit" (func $emit (;15;) (type 8)))
    (memory (;0;) 18)
    (global $heap (;0;) (mut i32) i32.const 16384)
    (export "memory" (memory 0))
    (export "cabi_realloc" (func 16))
    (export "modsmith:plugin/initrd@1.0.0#images" (func 17))
    (export "modsmith:plugin/initrd@1.0.0#when" (func 18))
    (export "modsmith:plugin/initrd@1.0.0#refresh" (func $refresh-image))
    (func (;16;) (type 9) (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
      global.get $heap
    )
    (func (;17;) (type 1) (param $request i32) (result i32)
      local.get $request
      call $drop-request
      i32.const 288
    )
    (func (;18;) (type 1) (param $request i32) (result i32)
      local.get $request
      call $drop-request
      i32.const 256
    )
    (func $refresh-image (;19;) (type 7) (param $request i32) (param $plan i32) (result i32)
      (local $i i32) (local $kernel i32) (local $command i32)
      local.get $request
      call $kernel
      local.set $kernel
      local.get $plan
      i32.const 1024
      i32.const 16
      call $note
      local.get $plan
      i32.const 1040
      i32.const 4
      i32.const 1044
      i32.const 5
      i32.const 65536
      i32.const 4
      i32.const 420
      i32.const 512
      call $write-file
      local.get $plan
      i32.const 1049
      i32.const 4
      i32.const 1053
      i32.const 5
      i32.const 1058
      i32.const 5
      i32.const 512
      call $symlink
      local.get $plan
      i32.const 1063
      i32.const 4
      i32.const 1067
      i32.const 5
      i32.const 1072
      i32.const 4
      i32.const 512
      call $back-up
      local.get $plan
      i32.const 1076
      i32.const 4
      i32.const 1080
      i32.const 5
      i32.const 512
      call $remove
      i32.const 1085
      i32.const 4
      call $command
      local.set $command
      local.get $command
      i32.const 0
      i32.const 1089
      i32.const 2
      i32.const 0
      i32.const 0
      call $argument
      local.get $command
      i32.const 0
      i32.const 1091
      i32.const 5
      i32.const 0
      i32.const 0
      call $argument
      local.get $plan
      local.get $command
      i32.const 512
      call $run
      local.get $kernel
      i32.const 512
      call $release
      i32.const 512
      i32.load offset=4
      i32.const 1000000
      i32.gt_u
      if ;; label = @1
        unreachable
      end
      i32.const 4
      i32.const 1096
      i32.const 23
      i32.const 0
      i32.const 0
      call $emit
      local.get $kernel
      call $drop-kernel
      local.get $request
      call $drop-request
      local.get $plan
      call $drop-plan
      i32.const 0
    )
    (data (;0;) (i32.const 256) "\00\00\00\00\10\01\00\00\0a\00\00\00")
    (data (;1;) (i32.const 272) "when-asked")
    (data (;2;) (i32.const 1024) "an image is made")
    (data (;3;) (i32.const 1040) "boot")
    (data (;4;) (i32.const 1044) "img-1")
    (data (;5;) (i32.const 1049) "boot")
    (data (;6;) (i32.const 1053) "img-2")
    (data (;7;) (i32.const 1058) "img-1")
    (data (;8;) (i32.const 1063) "boot")
    (data (;9;) (i32.const 1067) "img-3")
    (data (;10;) (i32.const 1072) ".old")
    (data (;11;) (i32.const 1076) "boot")
    (data (;12;) (i32.const 1080) "img-4")
    (data (;13;) (i32.const 1085) "tool")
    (data (;14;) (i32.const 1089) "-f")
    (data (;15;) (i32.const 1091) "img-1")
    (data (;16;) (i32.const 1096) "said by a golden plugin")
    (@producers
      (processed-by "wit-component" "0.258.3")
    )
  )
  (core module $wit-component-shim-module (;1;)
    (type (;0;) (func (param i32 i32)))
    (type (;1;) (func (param i32 i32 i32)))
    (type (;2;) (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (type (;3;) (func (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (type (;4;) (func (param i32 i32 i32 i32 i32 i32)))
    (type (;5;) (func (param i32 i32) (result i32)))
    (type (;6;) (func (param i32 i32 i32 i32 i32)))
    (table (;0;) 12 12 funcref)
    (export "0" (func $"indirect-modsmith:plugin/context@1.0.0-[method]kernel.release"))
    (export "1" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.note"))
    (export "2" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.write-file"))
    (export "3" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.back-up"))
    (export "4" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.remove"))
    (export "5" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.symlink"))
    (export "6" (func $"indirect-modsmith:plugin/plan@1.0.0-[constructor]command"))
    (export "7" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]command.argument"))
    (export "8" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]command.variable"))
    (export "9" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.run"))
    (export "10" (func $indirect-modsmith:plugin/system@1.0.0-probe))
    (export "11" (func $indirect-modsmith:plugin/log@1.0.0-emit))
    (export "$imports" (table 0))
    (func $"indirect-modsmith:plugin/context@1.0.0-[method]kernel.release" (;0;) (type 0) (param i32 i32)
      local.get 0
      local.get 1
      i32.const 0
      call_indirect (type 0)
    )
    (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.note" (;1;) (type 1) (param i32 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      i32.const 1
      call_indirect (type 1)
    )
    (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.write-file" (;2;) (type 2) (param i32 i32 i32 i32 i32 i32 i32 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      local.get 4
      local.get 5
      local.get 6
      local.get 7
      local.get 8
      i32.const 2
      call_indirect (type 2)
    )
    (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.back-up" (;3;) (type 3) (param i32 i32 i32 i32 i32 i32 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      local.get 4
      local.get 5
      local.get 6
      local.get 7
      i32.const 3
      call_indirect (type 3)
    )
    (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.remove" (;4;) (type 4) (param i32 i32 i32 i32 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      local.get 4
      local.get 5
      i32.const 4
      call_indirect (type 4)
    )
    (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.symlink" (;5;) (type 3) (param i32 i32 i32 i32 i32 i32 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      local.get 4
      local.get 5
      local.get 6
      local.get 7
      i32.const 5
      call_indirect (type 3)
    )
    (func $"indirect-modsmith:plugin/plan@1.0.0-[constructor]command" (;6;) (type 5) (param i32 i32) (result i32)
      local.get 0
      local.get 1
      i32.const 6
      call_indirect (type 5)
    )
    (func $"indirect-modsmith:plugin/plan@1.0.0-[method]command.argument" (;7;) (type 4) (param i32 i32 i32 i32 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      local.get 4
      local.get 5
      i32.const 7
      call_indirect (type 4)
    )
    (func $"indirect-modsmith:plugin/plan@1.0.0-[method]command.variable" (;8;) (type 6) (param i32 i32 i32 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      local.get 4
      i32.const 8
      call_indirect (type 6)
    )
    (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.run" (;9;) (type 1) (param i32 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      i32.const 9
      call_indirect (type 1)
    )
    (func $indirect-modsmith:plugin/system@1.0.0-probe (;10;) (type 1) (param i32 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      i32.const 10
      call_indirect (type 1)
    )
    (func $indirect-modsmith:plugin/log@1.0.0-emit (;11;) (type 6) (param i32 i32 i32 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      local.get 4
      i32.const 11
      call_indirect (type 6)
    )
    (@producers
      (processed-by "wit-component" "0.258.3")
    )
  )
  (core instance $wit-component-shim-instance (;0;) (instantiate $wit-component-shim-module))
  (alias export $modsmith:plugin/types@1.0.0 "error" (type $"#type12 error" (@name "error") (;12;)))
  (alias export $modsmith:plugin/types@1.0.0 "path" (type $"#type13 path" (@name "path") (;13;)))
  (alias export $modsmith:plugin/requests@1.0.0 "image-request" (type $image-request (;14;)))
  (alias export $modsmith:plugin/plan@1.0.0 "builder" (type $builder (;15;)))
  (alias export $modsmith:plugin/requests@1.0.0 "image-request" (type $"#type16 image-request" (@name "image-request") (;16;)))
  (core func $resource.drop (;0;) (canon resource.drop $"#type16 image-request"))
  (alias export $modsmith:plugin/requests@1.0.0 "[method]image-request.kernel" (func $"[method]image-request.kernel" (;0;)))
  (core func $"[method]image-request.kernel" (;1;) (canon lower (func $"[method]image-request.kernel")))
  (core instance $modsmith:plugin/requests@1.0.0 (;1;)
    (export "[resource-drop]image-request" (func $resource.drop))
    (export "[method]image-request.kernel" (func $"[method]image-request.kernel"))
  )
  (alias export $modsmith:plugin/context@1.0.0 "kernel" (type $"#type17 kernel" (@name "kernel") (;17;)))
  (core func $"#core-func2 resource.drop" (@name "resource.drop") (;2;) (canon resource.drop $"#type17 kernel"))
  (alias core export $wit-component-shim-instance "0" (core func $"indirect-modsmith:plugin/context@1.0.0-[method]kernel.release" (;3;)))
  (core instance $modsmith:plugin/context@1.0.0 (;2;)
    (export "[resource-drop]kernel" (func $"#core-func2 resource.drop"))
    (export "[method]kernel.release" (func $"indirect-modsmith:plugin/context@1.0.0-[method]kernel.release"))
  )
  (alias export $modsmith:plugin/plan@1.0.0 "builder" (type $"#type18 builder" (@name "builder") (;18;)))
  (core func $"#core-func4 resource.drop" (@name "resource.drop") (;4;) (canon resource.drop $"#type18 builder"))
  (alias core export $wit-component-shim-instance "1" (core func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.note" (;5;)))
  (alias core export $wit-component-shim-instance "2" (core func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.write-file" (;6;)))
  (alias core export $wit-component-shim-instance "3" (core func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.back-up" (;7;)))
  (alias core export $wit-component-shim-instance "4" (core func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.remove" (;8;)))
  (alias core export $wit-component-shim-instance "5" (core func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.symlink" (;9;)))
  (alias core export $wit-component-shim-instance "6" (core func $"indirect-modsmith:plugin/plan@1.0.0-[constructor]command" (;10;)))
  (alias core export $wit-component-shim-instance "7" (core func $"indirect-modsmith:plugin/plan@1.0.0-[method]command.argument" (;11;)))
  (alias core export $wit-component-shim-instance "8" (core func $"indirect-modsmith:plugin/plan@1.0.0-[method]command.variable" (;12;)))
  (alias core export $wit-component-shim-instance "9" (core func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.run" (;13;)))
  (core instance $modsmith:plugin/plan@1.0.0 (;3;)
    (export "[resource-drop]builder" (func $"#core-func4 resource.drop"))
    (export "[method]builder.note" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.note"))
    (export "[method]builder.write-file" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.write-file"))
    (export "[method]builder.back-up" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.back-up"))
    (export "[method]builder.remove" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.remove"))
    (export "[method]builder.symlink" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.symlink"))
    (export "[constructor]command" (func $"indirect-modsmith:plugin/plan@1.0.0-[constructor]command"))
    (export "[method]command.argument" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]command.argument"))
    (export "[method]command.variable" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]command.variable"))
    (export "[method]builder.run" (func $"indirect-modsmith:plugin/plan@1.0.0-[method]builder.run"))
  )
  (alias core export $wit-component-shim-instance "10" (core func $indirect-modsmith:plugin/system@1.0.0-probe (;14;)))
  (core instance $modsmith:plugin/system@1.0.0 (;4;)
    (export "probe" (func $indirect-modsmith:plugin/system@1.0.0-probe))
  )
  (alias core export $wit-component-shim-instance "11" (core func $indirect-modsmith:plugin/log@1.0.0-emit (;15;)))
  (core instance $modsmith:plugin/log@1.0.0 (;5;)
    (export "emit" (func $indirect-modsmith:plugin/log@1.0.0-emit))
  )
  (core instance $main (;6;) (instantiate $main
      (with "modsmith:plugin/requests@1.0.0" (instance $modsmith:plugin/requests@1.0.0))
      (with "modsmith:plugin/context@1.0.0" (instance $modsmith:plugin/context@1.0.0))
      (with "modsmith:plugin/plan@1.0.0" (instance $modsmith:plugin/plan@1.0.0))
      (with "modsmith:plugin/system@1.0.0" (instance $modsmith:plugin/system@1.0.0))
      (with "modsmith:plugin/log@1.0.0" (instance $modsmith:plugin/log@1.0.0))
    )
  )
  (alias core export $main "memory" (core memory $memory (;0;)))
  (core module $wit-component-fixup (;2;)
    (type (;0;) (func (param i32 i32)))
    (type (;1;) (func (param i32 i32 i32)))
    (type (;2;) (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (type (;3;) (func (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (type (;4;) (func (param i32 i32 i32 i32 i32 i32)))
    (type (;5;) (func (param i32 i32) (result i32)))
    (type (;6;) (func (param i32 i32 i32 i32 i32)))
    (import "actual" "0" (func $0 (;0;) (type 0)))
    (import "actual" "1" (func $1 (;1;) (type 1)))
    (import "actual" "2" (func $2 (;2;) (type 2)))
    (import "actual" "3" (func $3 (;3;) (type 3)))
    (import "actual" "4" (func $4 (;4;) (type 4)))
    (import "actual" "5" (func $5 (;5;) (type 3)))
    (import "actual" "6" (func $6 (;6;) (type 5)))
    (import "actual" "7" (func $7 (;7;) (type 4)))
    (import "actual" "8" (func $8 (;8;) (type 6)))
    (import "actual" "9" (func $9 (;9;) (type 1)))
    (import "actual" "10" (func $10 (;10;) (type 1)))
    (import "actual" "11" (func $11 (;11;) (type 6)))
    (import "shim" "$imports" (table (;0;) 12 12 funcref))
    (elem (;0;) (i32.const 0) func $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11)
    (@producers
      (processed-by "wit-component" "0.258.3")
    )
  )
  (alias export $modsmith:plugin/context@1.0.0 "[method]kernel.release" (func $"[method]kernel.release" (;1;)))
  (alias core export $main "cabi_realloc" (core func $cabi_realloc (;16;)))
  (core func $"#core-func17 indirect-modsmith:plugin/context@1.0.0-[method]kernel.release" (@name "indirect-modsmith:plugin/context@1.0.0-[method]kernel.release") (;17;) (canon lower (func $"[method]kernel.release") (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (alias export $modsmith:plugin/plan@1.0.0 "[method]builder.note" (func $"[method]builder.note" (;2;)))
  (core func $"#core-func18 indirect-modsmith:plugin/plan@1.0.0-[method]builder.note" (@name "indirect-modsmith:plugin/plan@1.0.0-[method]builder.note") (;18;) (canon lower (func $"[method]builder.note") (memory $memory) string-encoding=utf8))
  (alias export $modsmith:plugin/plan@1.0.0 "[method]builder.write-file" (func $"[method]builder.write-file" (;3;)))
  (core func $"#core-func19 indirect-modsmith:plugin/plan@1.0.0-[method]builder.write-file" (@name "indirect-modsmith:plugin/plan@1.0.0-[method]builder.write-file") (;19;) (canon lower (func $"[method]builder.write-file") (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (alias export $modsmith:plugin/plan@1.0.0 "[method]builder.back-up" (func $"[method]builder.back-up" (;4;)))
  (core func $"#core-func20 indirect-modsmith:plugin/plan@1.0.0-[method]builder.back-up" (@name "indirect-modsmith:plugin/plan@1.0.0-[method]builder.back-up") (;20;) (canon lower (func $"[method]builder.back-up") (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (alias export $modsmith:plugin/plan@1.0.0 "[method]builder.remove" (func $"[method]builder.remove" (;5;)))
  (core func $"#core-func21 indirect-modsmith:plugin/plan@1.0.0-[method]builder.remove" (@name "indirect-modsmith:plugin/plan@1.0.0-[method]builder.remove") (;21;) (canon lower (func $"[method]builder.remove") (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (alias export $modsmith:plugin/plan@1.0.0 "[method]builder.symlink" (func $"[method]builder.symlink" (;6;)))
  (core func $"#core-func22 indirect-modsmith:plugin/plan@1.0.0-[method]builder.symlink" (@name "indirect-modsmith:plugin/plan@1.0.0-[method]builder.symlink") (;22;) (canon lower (func $"[method]builder.symlink") (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (alias export $modsmith:plugin/plan@1.0.0 "[constructor]command" (func $"[constructor]command" (;7;)))
  (core func $"#core-func23 indirect-modsmith:plugin/plan@1.0.0-[constructor]command" (@name "indirect-modsmith:plugin/plan@1.0.0-[constructor]command") (;23;) (canon lower (func $"[constructor]command") (memory $memory) string-encoding=utf8))
  (alias export $modsmith:plugin/plan@1.0.0 "[method]command.argument" (func $"[method]command.argument" (;8;)))
  (core func $"#core-func24 indirect-modsmith:plugin/plan@1.0.0-[method]command.argument" (@name "indirect-modsmith:plugin/plan@1.0.0-[method]command.argument") (;24;) (canon lower (func $"[method]command.argument") (memory $memory) string-encoding=utf8))
  (alias export $modsmith:plugin/plan@1.0.0 "[method]command.variable" (func $"[method]command.variable" (;9;)))
  (core func $"#core-func25 indirect-modsmith:plugin/plan@1.0.0-[method]command.variable" (@name "indirect-modsmith:plugin/plan@1.0.0-[method]command.variable") (;25;) (canon lower (func $"[method]command.variable") (memory $memory) string-encoding=utf8))
  (alias export $modsmith:plugin/plan@1.0.0 "[method]builder.run" (func $"[method]builder.run" (;10;)))
  (core func $"#core-func26 indirect-modsmith:plugin/plan@1.0.0-[method]builder.run" (@name "indirect-modsmith:plugin/plan@1.0.0-[method]builder.run") (;26;) (canon lower (func $"[method]builder.run") (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (alias export $modsmith:plugin/system@1.0.0 "probe" (func $probe (;11;)))
  (core func $"#core-func27 indirect-modsmith:plugin/system@1.0.0-probe" (@name "indirect-modsmith:plugin/system@1.0.0-probe") (;27;) (canon lower (func $probe) (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (alias export $modsmith:plugin/log@1.0.0 "emit" (func $emit (;12;)))
  (core func $"#core-func28 indirect-modsmith:plugin/log@1.0.0-emit" (@name "indirect-modsmith:plugin/log@1.0.0-emit") (;28;) (canon lower (func $emit) (memory $memory) string-encoding=utf8))
  (core instance $actual (;7;)
    (export "0" (func $"#core-func17 indirect-modsmith:plugin/context@1.0.0-[method]kernel.release"))
    (export "1" (func $"#core-func18 indirect-modsmith:plugin/plan@1.0.0-[method]builder.note"))
    (export "2" (func $"#core-func19 indirect-modsmith:plugin/plan@1.0.0-[method]builder.write-file"))
    (export "3" (func $"#core-func20 indirect-modsmith:plugin/plan@1.0.0-[method]builder.back-up"))
    (export "4" (func $"#core-func21 indirect-modsmith:plugin/plan@1.0.0-[method]builder.remove"))
    (export "5" (func $"#core-func22 indirect-modsmith:plugin/plan@1.0.0-[method]builder.symlink"))
    (export "6" (func $"#core-func23 indirect-modsmith:plugin/plan@1.0.0-[constructor]command"))
    (export "7" (func $"#core-func24 indirect-modsmith:plugin/plan@1.0.0-[method]command.argument"))
    (export "8" (func $"#core-func25 indirect-modsmith:plugin/plan@1.0.0-[method]command.variable"))
    (export "9" (func $"#core-func26 indirect-modsmith:plugin/plan@1.0.0-[method]builder.run"))
    (export "10" (func $"#core-func27 indirect-modsmith:plugin/system@1.0.0-probe"))
    (export "11" (func $"#core-func28 indirect-modsmith:plugin/log@1.0.0-emit"))
  )
  (core instance $fixup (;8;) (instantiate $wit-component-fixup
      (with "actual" (instance $actual))
      (with "shim" (instance $wit-component-shim-instance))
    )
  )
  (type (;19;) (borrow $image-request))
  (type (;20;) (list $"#type13 path"))
  (type (;21;) (result 20 (error $"#type12 error")))
  (type (;22;) (func (param "request" 19) (result 21)))
  (alias core export $main "modsmith:plugin/initrd@1.0.0#images" (core func $modsmith:plugin/initrd@1.0.0#images (;29;)))
  (func $images (;13;) (type 22) (canon lift (core func $modsmith:plugin/initrd@1.0.0#images) (memory $memory) string-encoding=utf8))
  (type (;23;) (result string (error $"#type12 error")))
  (type (;24;) (func (param "request" 19) (result 23)))
  (alias core export $main "modsmith:plugin/initrd@1.0.0#when" (core func $modsmith:plugin/initrd@1.0.0#when (;30;)))
  (func $when (;14;) (type 24) (canon lift (core func $modsmith:plugin/initrd@1.0.0#when) (memory $memory) string-encoding=utf8))
  (type (;25;) (borrow $builder))
  (type (;26;) (result (error $"#type12 error")))
  (type (;27;) (func (param "request" 19) (param "plan" 25) (result 26)))
  (alias core export $main "modsmith:plugin/initrd@1.0.0#refresh" (core func $modsmith:plugin/initrd@1.0.0#refresh (;31;)))
  (func $refresh (;15;) (type 27) (canon lift (core func $modsmith:plugin/initrd@1.0.0#refresh) (memory $memory) string-encoding=utf8))
  (alias export $modsmith:plugin/types@1.0.0 "error-kind" (type $error-kind (;28;)))
  (component $modsmith:plugin/initrd@1.0.0-shim-component (;0;)
    (type (;0;) (enum "unsupported" "invalid" "denied" "missing" "other"))
    (import "import-type-error-kind" (type (;1;) (eq 0)))
    (type (;2;) (list string))
    (type (;3;) (option u8))
    (type (;4;) (record (field "kind" 1) (field "message" string) (field "hints" 2) (field "code" 3)))
    (import "import-type-error" (type (;5;) (eq 4)))
    (type (;6;) (record (field "root" string) (field "relative" string)))
    (import "import-type-path" (type (;7;) (eq 6)))
    (import "import-type-image-request" (type (;8;) (sub resource)))
    (import "import-type-builder" (type (;9;) (sub resource)))
    (import "import-type-image-request0" (type (;10;) (eq 8)))
    (type (;11;) (borrow 10))
    (import "import-type-path0" (type (;12;) (eq 7)))
    (type (;13;) (list 12))
    (import "import-type-error0" (type (;14;) (eq 5)))
    (type (;15;) (result 13 (error 14)))
    (type (;16;) (func (param "request" 11) (result 15)))
    (import "import-func-images" (func (;0;) (type 16)))
    (type (;17;) (result string (error 14)))
    (type (;18;) (func (param "request" 11) (result 17)))
    (import "import-func-when" (func (;1;) (type 18)))
    (import "import-type-builder0" (type (;19;) (eq 9)))
    (type (;20;) (borrow 19))
    (type (;21;) (result (error 14)))
    (type (;22;) (func (param "request" 11) (param "plan" 20) (result 21)))
    (import "import-func-refresh" (func (;2;) (type 22)))
    (export (;23;) "error" (type 5))
    (export (;24;) "path" (type 7))
    (export (;25;) "image-request" (type 8))
    (export (;26;) "builder" (type 9))
    (type (;27;) (borrow 25))
    (type (;28;) (list 24))
    (type (;29;) (result 28 (error 23)))
    (type (;30;) (func (param "request" 27) (result 29)))
    (export (;3;) "images" (func 0) (func (type 30)))
    (type (;31;) (result string (error 23)))
    (type (;32;) (func (param "request" 27) (result 31)))
    (export (;4;) "when" (func 1) (func (type 32)))
    (type (;33;) (borrow 26))
    (type (;34;) (result (error 23)))
    (type (;35;) (func (param "request" 27) (param "plan" 33) (result 34)))
    (export (;5;) "refresh" (func 2) (func (type 35)))
  )
  (instance $modsmith:plugin/initrd@1.0.0-shim-instance (;6;) (instantiate $modsmith:plugin/initrd@1.0.0-shim-component
      (with "import-func-images" (func $images))
      (with "import-func-when" (func $when))
      (with "import-func-refresh" (func $refresh))
      (with "import-type-error-kind" (type $error-kind))
      (with "import-type-error" (type $"#type12 error"))
      (with "import-type-path" (type $"#type13 path"))
      (with "import-type-image-request" (type $image-request))
      (with "import-type-builder" (type $builder))
      (with "import-type-image-request0" (type $image-request))
      (with "import-type-path0" (type $"#type13 path"))
      (with "import-type-error0" (type $"#type12 error"))
      (with "import-type-builder0" (type $builder))
    )
  )
  (export $modsmith:plugin/initrd@1.0.0 (;7;) "modsmith:plugin/initrd@1.0.0" (instance $modsmith:plugin/initrd@1.0.0-shim-instance))
  (@producers
    (processed-by "wit-component" "0.258.3")
  )
)

