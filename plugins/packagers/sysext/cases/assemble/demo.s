# as --64 -o demo.ko demo.s
.section .modinfo, "a"
.asciz "alias=pci:v00001234d*"
.asciz "alias=net-pf-26"
.asciz "softdep=pre: other"
.asciz "vermagic=6.1.0-1-amd64"
.text
call base_call
call _printk
.section __ksymtab, "a"
__ksymtab_demo_call: .long 0
