/* Interposes bpf(2) in the command: sends the signal $SIGNAL to itself at the call number $SIGNAL_AT
 * (from 1) of those that change the kernel, before it is made; or after it, if $SIGNAL_AFTER is set.
 * A SIGKILL so ends it between two given steps, whatever else is in the kernel. How many there were
 * until now is in the file $CALLS_IN.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int changes(long command)
{
	switch (command) {
	case BPF_PROG_LOAD:
	case BPF_BTF_LOAD:
	case BPF_MAP_CREATE:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_LINK_CREATE:
	case BPF_LINK_DETACH:
	case BPF_OBJ_PIN:
		return 1;
	}
	return 0;
}

static int number(const char *name)
{
	const char *text = getenv(name);

	return text ? atoi(text) : 0;
}

static int count(void)
{
	static int made;
	const char *path = getenv("CALLS_IN");
	FILE *file = path ? fopen(path, "w") : NULL;

	made++;
	if (file) {
		fprintf(file, "%d\n", made);
		fclose(file);
	}
	return made;
}

long syscall(long call, ...)
{
	static long (*real)(long, ...);
	int now = 0;
	long a[6], result;
	va_list args;

	va_start(args, call);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (!real)
		real = dlsym(RTLD_NEXT, "syscall");
	if (call == __NR_bpf && changes(a[0]))
		now = count() == number("SIGNAL_AT");
	if (now && !number("SIGNAL_AFTER"))
		raise(number("SIGNAL"));
	result = real(call, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (now && number("SIGNAL_AFTER"))
		raise(number("SIGNAL"));
	return result;
}
