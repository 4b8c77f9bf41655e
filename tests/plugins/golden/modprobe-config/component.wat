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
      (export (;0;) "config-request" (type (sub resource)))
      (alias outer 1 $kernel (type (;1;)))
      (export (;2;) "kernel" (type (eq 1)))
      (type (;3;) (borrow 0))
      (type (;4;) (own 2))
      (type (;5;) (func (param "self" 3) (result 4)))
      (export (;0;) "[method]config-request.kernel" (func (type 5)))
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
    (import "modsmith:plugin/requests@1.0.0" "[resource-drop]config-request" (func $drop-request (;0;) (type 0)))
    (import "modsmith:plugin/requests@1.0.0" "[method]config-request.kernel" (func $kernel (;1;) (type 1)))
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
    (export "modsmith:plugin/modprobe-config@1.0.0#add" (func $add-config))
    (export "modsmith:plugin/modprobe-config@1.0.0#remove" (func $remove-config))
    (func (;16;) (type 9) (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
      global.get $heap
    )
    (func $add-config (;17;) (type 7) (param $request i32) (param $plan i32) (result i32)
      (local $i i32) (local $kernel i32) (local $command i32)
      local.get $request
      call $kernel
      local.set $kernel
      local.get $plan
      i32.const 1024
      i32.const 5
      call $note
      local.get $kernel
      call $drop-kernel
      local.get $request
      call $drop-request
      local.get $plan
      call $drop-plan
      i32.const 0
    )
    (func $remove-config (;18;) (type 7) (param $request i32) (param $plan i32) (result i32)
      (local $i i32) (local $kernel i32) (local $command i32)
      local.get $request
      call $kernel
      local.set $kernel
      local.get $plan
      i32.const 1029
      i32.const 7
      call $note
      local.get $kernel
      call $drop-kernel
      local.get $request
      call $drop-request
      local.get $plan
      call $drop-plan
      i32.const 0
    )
    (data (;0;) (i32.const 1024) "added")
    (data (;1;) (i32.const 1029) "removed")
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
  (alias export $modsmith:plugin/requests@1.0.0 "config-request" (type $config-request (;13;)))
  (alias export $modsmith:plugin/plan@1.0.0 "builder" (type $builder (;14;)))
  (alias export $modsmith:plugin/requests@1.0.0 "config-request" (type $"#type15 config-request" (@name "config-request") (;15;)))
  (core func $resource.drop (;0;) (canon resource.drop $"#type15 config-request"))
  (alias export $modsmith:plugin/requests@1.0.0 "[method]config-request.kernel" (func $"[method]config-request.kernel" (;0;)))
  (core func $"[method]config-request.kernel" (;1;) (canon lower (func $"[method]config-request.kernel")))
  (core instance $modsmith:plugin/requests@1.0.0 (;1;)
    (export "[resource-drop]config-request" (func $resource.drop))
    (export "[method]config-request.kernel" (func $"[method]config-request.kernel"))
  )
  (alias export $modsmith:plugin/context@1.0.0 "kernel" (type $"#type16 kernel" (@name "kernel") (;16;)))
  (core func $"#core-func2 resource.drop" (@name "resource.drop") (;2;) (canon resource.drop $"#type16 kernel"))
  (alias core export $wit-component-shim-instance "0" (core func $"indirect-modsmith:plugin/context@1.0.0-[method]kernel.release" (;3;)))
  (core instance $modsmith:plugin/context@1.0.0 (;2;)
    (export "[resource-drop]kernel" (func $"#core-func2 resource.drop"))
    (export "[method]kernel.release" (func $"indirect-modsmith:plugin/context@1.0.0-[method]kernel.release"))
  )
  (alias export $modsmith:plugin/plan@1.0.0 "builder" (type $"#type17 builder" (@name "builder") (;17;)))
  (core func $"#core-func4 resource.drop" (@name "resource.drop") (;4;) (canon resource.drop $"#type17 builder"))
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
  (type (;18;) (borrow $config-request))
  (type (;19;) (borrow $builder))
  (type (;20;) (result (error $"#type12 error")))
  (type (;21;) (func (param "request" 18) (param "plan" 19) (result 20)))
  (alias core export $main "modsmith:plugin/modprobe-config@1.0.0#add" (core func $modsmith:plugin/modprobe-config@1.0.0#add (;29;)))
  (func $add (;13;) (type 21) (canon lift (core func $modsmith:plugin/modprobe-config@1.0.0#add) (memory $memory) string-encoding=utf8))
  (alias core export $main "modsmith:plugin/modprobe-config@1.0.0#remove" (core func $modsmith:plugin/modprobe-config@1.0.0#remove (;30;)))
  (func $remove (;14;) (type 21) (canon lift (core func $modsmith:plugin/modprobe-config@1.0.0#remove) (memory $memory) string-encoding=utf8))
  (alias export $modsmith:plugin/types@1.0.0 "error-kind" (type $error-kind (;22;)))
  (component $modsmith:plugin/modprobe-config@1.0.0-shim-component (;0;)
    (type (;0;) (enum "unsupported" "invalid" "denied" "missing" "other"))
    (import "import-type-error-kind" (type (;1;) (eq 0)))
    (type (;2;) (list string))
    (type (;3;) (option u8))
    (type (;4;) (record (field "kind" 1) (field "message" string) (field "hints" 2) (field "code" 3)))
    (import "import-type-error" (type (;5;) (eq 4)))
    (import "import-type-config-request" (type (;6;) (sub resource)))
    (import "import-type-builder" (type (;7;) (sub resource)))
    (import "import-type-config-request0" (type (;8;) (eq 6)))
    (type (;9;) (borrow 8))
    (import "import-type-builder0" (type (;10;) (eq 7)))
    (type (;11;) (borrow 10))
    (import "import-type-error0" (type (;12;) (eq 5)))
    (type (;13;) (result (error 12)))
    (type (;14;) (func (param "request" 9) (param "plan" 11) (result 13)))
    (import "import-func-add" (func (;0;) (type 14)))
    (import "import-func-remove" (func (;1;) (type 14)))
    (export (;15;) "error" (type 5))
    (export (;16;) "config-request" (type 6))
    (export (;17;) "builder" (type 7))
    (type (;18;) (borrow 16))
    (type (;19;) (borrow 17))
    (type (;20;) (result (error 15)))
    (type (;21;) (func (param "request" 18) (param "plan" 19) (result 20)))
    (export (;2;) "add" (func 0) (func (type 21)))
    (export (;3;) "remove" (func 1) (func (type 21)))
  )
  (instance $modsmith:plugin/modprobe-config@1.0.0-shim-instance (;6;) (instantiate $modsmith:plugin/modprobe-config@1.0.0-shim-component
      (with "import-func-add" (func $add))
      (with "import-func-remove" (func $remove))
      (with "import-type-error-kind" (type $error-kind))
      (with "import-type-error" (type $"#type12 error"))
      (with "import-type-config-request" (type $config-request))
      (with "import-type-builder" (type $builder))
      (with "import-type-config-request0" (type $config-request))
      (with "import-type-builder0" (type $builder))
      (with "import-type-error0" (type $"#type12 error"))
    )
  )
  (export $modsmith:plugin/modprobe-config@1.0.0 (;7;) "modsmith:plugin/modprobe-config@1.0.0" (instance $modsmith:plugin/modprobe-config@1.0.0-shim-instance))
  (@producers
    (processed-by "wit-component" "0.258.3")
  )
)

