#include <linux/rhconfig.h>
