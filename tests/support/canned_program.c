/* Interposes bpf(2) in a bpftool: `prog dump xlated id 1` prints the bytes of the file $CANNED_XLATED,
 * whatever they are, as if a kernel had handed them out. Hides /proc/kallsyms, so that no address has
 * a name. Needs neither privilege nor a program.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long describe(union bpf_attr *attr)
{
	struct bpf_prog_info *info = (void *)(uintptr_t)attr->info.info;
	uint32_t room = info->xlated_prog_len;
	void *insns = (void *)(uintptr_t)info->xlated_prog_insns;
	struct stat file;
	int fd = open(getenv("CANNED_XLATED"), O_RDONLY);

	if (fd < 0 || fstat(fd, &file))
		abort();
	if (room && insns && read(fd, insns, room) < 0)
		abort();
	close(fd);
	info->type = BPF_PROG_TYPE_SOCKET_FILTER;
	info->id = 1;
	info->xlated_prog_len = file.st_size;
	return 0;
}

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == __NR_bpf && a[0] == BPF_PROG_GET_FD_BY_ID)
		return open("/dev/null", O_RDONLY);
	if (number == __NR_bpf && a[0] == BPF_OBJ_GET_INFO_BY_FD)
		return describe((void *)a[1]);
	if (!real)
		real = dlsym(RTLD_NEXT, "syscall");
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

FILE *fopen(const char *path, const char *mode)
{
	FILE *(*real)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen");

	return strcmp(path, "/proc/kallsyms") ? real(path, mode) : NULL;
}
