/*
 * Stands where a runtime looks for a plugin, runs the plugin, and writes down what went in, what came out and how long it took:
 *
 *   <set>/bin/NAME       this program
 *   <set>/plugins/NAME   the plugin, which gets the same arguments, input and environment
 *   <set>/calls/...      a directory per call: env, stdin, stdout, stderr, and times: start and end in ns, and the exit code
 *
 * Only CNI_PATH differs: <set>/bin in it becomes <set>/plugins, so that a plugin finds the neighbours that it has without this program.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static char set[PATH_MAX];
static const char *name;

static void fail(const char *what) {
	perror(what);
	exit(125);
}

static long long now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static char *path_of(const char *directory, const char *file) {
	char *path;
	if (asprintf(&path, "%s/%s", directory, file) < 0) fail("memory");
	return path;
}

static int open_in(const char *directory, const char *file) {
	char *path = path_of(directory, file);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) fail(path);
	return fd;
}

static void copy(int from, int to) {
	static char buffer[65536];
	for (ssize_t length; (length = read(from, buffer, sizeof buffer)) > 0;)
		for (ssize_t written = 0, part; written < length; written += part)
			if ((part = write(to, buffer + written, length - written)) <= 0) return;
}

/* <set> and the name, from where this program is. */
static void find_plugin(void) {
	ssize_t length = readlink("/proc/self/exe", set, sizeof set - 1);
	if (length < 0) fail("/proc/self/exe");
	name = strrchr(set, '/') + 1;
	set[name - set - 1] = 0;
	char *bin = strrchr(set, '/');
	if (bin == NULL) fail("the directory of this program");
	*bin = 0;
}

/* Those of CNI: nobody else's secrets go into a file. */
static void record_environment(int fd) {
	for (char **variable = environ; *variable != NULL; variable++)
		if (strncmp(*variable, "CNI_", 4) == 0) dprintf(fd, "%s\n", *variable);
	close(fd);
}

/* A runtime may also have come by a symbolic link to <set>/bin. */
static void replace_path(void) {
	const char *path = getenv("CNI_PATH");
	if (path == NULL) return;
	char *rest = strdup(path), *replaced = strdup(""), *bin = path_of(set, "bin"), real[PATH_MAX];
	for (char *directory; (directory = strsep(&rest, ":")) != NULL;) {
		int is_ours = realpath(directory, real) != NULL && strcmp(real, bin) == 0;
		if (asprintf(&replaced, "%s%s%s", replaced, *replaced == 0 ? "" : ":", is_ours ? path_of(set, "plugins") : directory) < 0)
			fail("memory");
	}
	setenv("CNI_PATH", replaced, 1);
}

int main(int argc, char **argv) {
	(void)argc;
	find_plugin();
	const char *verb = getenv("CNI_COMMAND");
	char *calls;
	if (asprintf(&calls, "%s/calls/%020lld-%d-%s-%s", set, now(), getpid(), name, verb == NULL ? "none" : verb) < 0) fail("memory");
	if (mkdir(calls, 0700) != 0) fail(calls);
	record_environment(open_in(calls, "env"));
	int in = open_in(calls, "stdin"), out = open_in(calls, "stdout"), err = open_in(calls, "stderr");
	if (verb != NULL) copy(0, in);
	lseek(in, 0, SEEK_SET);
	replace_path();
	char *plugin = path_of(path_of(set, "plugins"), name);

	long long start = now();
	pid_t child = fork();
	if (child < 0) fail("fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in, 0);
		dup2(out, 1);
		dup2(err, 2);
		argv[0] = plugin;
		execv(plugin, argv);
		fail(plugin);
	}
	int status;
	if (waitpid(child, &status, 0) != child) fail("waitpid");
	long long end = now();
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

	int times = open_in(calls, "times");
	dprintf(times, "%lld %lld %d\n", start, end, code);
	close(times);
	lseek(out, 0, SEEK_SET);
	lseek(err, 0, SEEK_SET);
	copy(err, 2);
	copy(out, 1);
	return code;
}
