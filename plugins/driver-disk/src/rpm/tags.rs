//! Numbers of a header's fields, as rpm's `rpmtag.h` has them.

/// Of the header that describes another: what they cover.
pub const HEADER_SIGNATURES: u32 = 62;
pub const HEADER_IMMUTABLE: u32 = 63;

pub const SIG_SHA1: u32 = 269;
pub const SIG_SHA256: u32 = 273;
pub const SIG_SIZE: u32 = 1000;
pub const SIG_MD5: u32 = 1004;
pub const SIG_PAYLOAD_SIZE: u32 = 1007;

pub const I18N_TABLE: u32 = 100;
pub const NAME: u32 = 1000;
pub const VERSION: u32 = 1001;
pub const RELEASE: u32 = 1002;
pub const EPOCH: u32 = 1003;
pub const SUMMARY: u32 = 1004;
pub const DESCRIPTION: u32 = 1005;
pub const BUILD_TIME: u32 = 1006;
pub const BUILD_HOST: u32 = 1007;
pub const SIZE: u32 = 1009;
pub const VENDOR: u32 = 1011;
pub const LICENSE: u32 = 1014;
pub const PACKAGER: u32 = 1015;
pub const GROUP: u32 = 1016;
pub const URL: u32 = 1020;
pub const OS: u32 = 1021;
pub const ARCH: u32 = 1022;
pub const POST_IN: u32 = 1024;
pub const POST_UN: u32 = 1026;
pub const FILE_SIZES: u32 = 1028;
pub const FILE_MODES: u32 = 1030;
pub const FILE_RDEVS: u32 = 1033;
pub const FILE_MTIMES: u32 = 1034;
pub const FILE_DIGESTS: u32 = 1035;
pub const FILE_LINK_TOS: u32 = 1036;
pub const FILE_FLAGS: u32 = 1037;
pub const FILE_USERS: u32 = 1039;
pub const FILE_GROUPS: u32 = 1040;
pub const SOURCE_RPM: u32 = 1044;
pub const FILE_VERIFY_FLAGS: u32 = 1045;
pub const PROVIDE_NAME: u32 = 1047;
pub const REQUIRE_FLAGS: u32 = 1048;
pub const REQUIRE_NAME: u32 = 1049;
pub const REQUIRE_VERSION: u32 = 1050;
pub const CONFLICT_FLAGS: u32 = 1053;
pub const CONFLICT_NAME: u32 = 1054;
pub const CONFLICT_VERSION: u32 = 1055;
pub const RPM_VERSION: u32 = 1064;
pub const POST_IN_PROGRAM: u32 = 1086;
pub const POST_UN_PROGRAM: u32 = 1088;
pub const OBSOLETE_NAME: u32 = 1090;
pub const FILE_DEVICES: u32 = 1095;
pub const FILE_INODES: u32 = 1096;
pub const FILE_LANGS: u32 = 1097;
pub const PROVIDE_FLAGS: u32 = 1112;
pub const PROVIDE_VERSION: u32 = 1113;
pub const OBSOLETE_FLAGS: u32 = 1114;
pub const OBSOLETE_VERSION: u32 = 1115;
pub const DIR_INDEXES: u32 = 1116;
pub const BASE_NAMES: u32 = 1117;
pub const DIR_NAMES: u32 = 1118;
pub const PAYLOAD_FORMAT: u32 = 1124;
pub const PAYLOAD_COMPRESSOR: u32 = 1125;
pub const PAYLOAD_FLAGS: u32 = 1126;
pub const PLATFORM: u32 = 1132;
pub const FILE_DIGEST_ALGORITHM: u32 = 5011;
pub const PAYLOAD_DIGEST: u32 = 5092;
pub const PAYLOAD_DIGEST_ALGORITHM: u32 = 5093;

/// Number of SHA-256 among digests.
pub const SHA256: u32 = 8;

/// Bits of a dependency: how versions compare, and where it comes from.
pub const LESS: u32 = 1 << 1;
pub const GREATER: u32 = 1 << 2;
pub const EQUAL: u32 = 1 << 3;
pub const INTERPRETER: u32 = 1 << 8;
pub const SCRIPT_POST: u32 = 1 << 10;
pub const SCRIPT_POSTUN: u32 = 1 << 12;
pub const RPMLIB: u32 = 1 << 24;
