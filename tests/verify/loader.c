/*
 * The first process of a machine that does nothing but load modules. /list has a line for
 * each: the flags of finit_module(2), the module's name, the file. What the kernel returns
 * and what it writes to its log stand between two marks on the console.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { READ_CLEAR = 4, CONSOLE_OFF = 6 };

static char log_text[1 << 18];

int main(void)
{
	char name[128], file[128];
	int flags;
	FILE *list;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("proc", "/proc", "proc", 0, 0);
	mount("sysfs", "/sys", "sysfs", 0, 0);
	setvbuf(stdout, NULL, _IONBF, 0);
	klogctl(CONSOLE_OFF, NULL, 0);
	list = fopen("/list", "r");
	while (list && fscanf(list, "%d %127s %127s", &flags, name, file) == 3) {
		int fd = open(file, O_RDONLY | O_CLOEXEC);
		int length, error;

		klogctl(READ_CLEAR, log_text, sizeof(log_text));
		error = syscall(SYS_finit_module, fd, "", flags) ? errno : 0;
		length = klogctl(READ_CLEAR, log_text, sizeof(log_text));
		printf("\n@@begin %s %d\n%.*s\n@@end\n", file, error, length < 0 ? 0 : length, log_text);
		if (!error)
			syscall(SYS_delete_module, name, O_NONBLOCK);
		close(fd);
	}
	printf("\n@@done\n");
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
