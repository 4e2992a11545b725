/* How many physical cores this process may use: two hardware threads of one core share the units
 * that products need, so a second one only costs. */
#ifndef CORE_CPU_CORES_H
#define CORE_CPU_CORES_H

/* At least 1. Where the system does not say which processors share a core, the number of those
 * that are online. */
int cpu_cores(void);

/* The same from Linux's files: `allowed`, a list of processors as /proc/self/status has it
 * ("0-3,8"), and cpu_dir, /sys/devices/system/cpu or one like it. 0 if they do not say. */
int cpu_cores_listed(const char *allowed, const char *cpu_dir);

#endif
