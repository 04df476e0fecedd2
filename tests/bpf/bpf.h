/* What the test programs need beside vmlinux.h: sections, map definitions, a few helpers. */
#pragma once

#define SEC(name) __attribute__((section(name), used))
#define __noinline __attribute__((noinline))
#define __ksym __attribute__((section(".ksyms")))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name

/* helpers, by their numbers in enum bpf_func_id */
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static __u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static void *(*bpf_sk_storage_get)(void *map, void *sk, void *value, __u64 flags) = (void *)107;
static long (*bpf_loop)(__u32 n, void *body, void *ctx, __u64 flags) = (void *)181;
static void *(*bpf_kptr_xchg)(void *slot, void *object) = (void *)194;

#define BPF_SK_STORAGE_GET_F_CREATE 1
