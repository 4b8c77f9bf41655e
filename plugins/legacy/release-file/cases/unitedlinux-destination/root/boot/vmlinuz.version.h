#define UTS_RELEASE "2.4.21-295-smp"
