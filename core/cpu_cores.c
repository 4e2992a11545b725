#include "core/cpu_cores.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CPUS 4096

struct cpu_set {
    bool has[MAX_CPUS];
};

/* Processors of a list such as "0-3,8"; false if it is none. */
static bool parse_list(struct cpu_set *set, const char *s)
{
    memset(set, 0, sizeof *set);
    do {
        char *end;
        if (!isdigit((unsigned char)*s))
            return false;
        unsigned long first = strtoul(s, &end, 10), last = first;
        if (*end == '-' && isdigit((unsigned char)end[1]))
            last = strtoul(end + 1, &end, 10);
        if (first > last || last >= MAX_CPUS)
            return false;
        for (; first <= last; first++)
            set->has[first] = true;
        s = end;
    } while (*s++ == ',');
    return s[-1] == '\0' || s[-1] == '\n';
}

/* The processors that share cpu's core, itself included. */
static bool siblings(struct cpu_set *set, const char *cpu_dir, int cpu)
{
    char path[512], list[1024];
    snprintf(path, sizeof path, "%s/cpu%d/topology/thread_siblings_list", cpu_dir, cpu);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    bool is_read = fgets(list, sizeof list, f) != NULL;
    fclose(f);
    return is_read && parse_list(set, list) && set->has[cpu];
}

/* Of the processors that share a core, the first that is allowed stands for it. */
static bool is_first(const struct cpu_set *allowed, const struct cpu_set *shared, int cpu)
{
    for (int i = 0; i < cpu; i++)
        if (shared->has[i] && allowed->has[i])
            return false;
    return true;
}

int cpu_cores_listed(const char *allowed_list, const char *cpu_dir)
{
    struct cpu_set allowed, shared;
    int n = 0;
    if (!parse_list(&allowed, allowed_list))
        return 0;
    for (int cpu = 0; cpu < MAX_CPUS; cpu++) {
        if (!allowed.has[cpu])
            continue;
        if (!siblings(&shared, cpu_dir, cpu))
            return 0;
        n += is_first(&allowed, &shared, cpu);
    }
    return n;
}

/* The processors that the system lets this process run on. */
static bool read_allowed(char *list, size_t size)
{
    static const char key[] = "Cpus_allowed_list:";
    bool is_found = false;
    FILE *f = fopen("/proc/self/status", "r");
    if (!f)
        return false;
    while (!is_found && fgets(list, (int)size, f))
        is_found = strncmp(list, key, strlen(key)) == 0;
    fclose(f);
    if (is_found) {
        const char *value = list + strlen(key);
        value += strspn(value, " \t");
        memmove(list, value, strlen(value) + 1);
    }
    return is_found;
}

int cpu_cores(void)
{
    char allowed[1024];
    int n = 0;
    if (read_allowed(allowed, sizeof allowed))
        n = cpu_cores_listed(allowed, "/sys/devices/system/cpu");
    if (n == 0)
        n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? n : 1;
}
