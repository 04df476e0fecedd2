"""C declarations of system calls; `_cdefs.py` is made of them (cffi, out-of-line ABI mode).

The generated file is committed: an install needs no compiler, and no C is parsed at start.
Regenerate it after a change here with `python -m stops_tui.bpf.cdefs`.

Every `union bpf_attr` variant used is a struct of its own, cut after the last field used: the
kernel takes a shorter attr as one with a zero tail. Info structs are as of Linux 6.18, where an
older kernel's is a prefix. Source: include/uapi/linux/bpf.h.
"""

from __future__ import annotations

from pathlib import Path

from cffi import FFI

CDEF = """
/* Variadic in C. Declared with the arguments bpf(2) takes, which travel in the same registers on
   every ABI listed in syscall.py; cffi needs 0.7 us more for each call of a variadic function. */
long syscall(long number, int cmd, void *attr, unsigned int size);

int mount(const char *source, const char *target, const char *type, unsigned long flags,
          const char *options);
int setns(int fd, int nstype);

struct attr_get_id   { uint32_t id; uint32_t next_id; uint32_t open_flags; };
struct attr_get_info { uint32_t bpf_fd; uint32_t info_len; uint64_t info; };
struct attr_elem {
    uint32_t map_fd; uint32_t pad; uint64_t key; uint64_t value; uint64_t flags;
};

struct attr_map_create {
    uint32_t map_type; uint32_t key_size; uint32_t value_size; uint32_t max_entries;
    uint32_t map_flags; uint32_t inner_map_fd; uint32_t numa_node; char map_name[16];
    uint32_t map_ifindex; uint32_t btf_fd; uint32_t btf_key_type_id; uint32_t btf_value_type_id;
    uint32_t btf_vmlinux_value_type_id; uint64_t map_extra; int32_t value_type_btf_obj_fd;
    int32_t map_token_fd;
};

struct attr_prog_load {
    uint32_t prog_type; uint32_t insn_cnt; uint64_t insns; uint64_t license;
    uint32_t log_level; uint32_t log_size; uint64_t log_buf; uint32_t kern_version;
    uint32_t prog_flags; char prog_name[16]; uint32_t prog_ifindex; uint32_t expected_attach_type;
    uint32_t prog_btf_fd; uint32_t func_info_rec_size; uint64_t func_info;
    uint32_t func_info_cnt; uint32_t line_info_rec_size; uint64_t line_info;
    uint32_t line_info_cnt; uint32_t attach_btf_id; uint32_t attach_btf_obj_fd;
};

struct attr_btf_load {
    uint64_t btf; uint64_t btf_log_buf; uint32_t btf_size; uint32_t btf_log_size;
    uint32_t btf_log_level;
};

struct attr_obj { uint64_t pathname; uint32_t bpf_fd; uint32_t file_flags; };
struct attr_link_create {
    uint32_t map_fd; uint32_t target_fd; uint32_t attach_type; uint32_t flags;
};
struct attr_link_update {
    uint32_t link_fd; uint32_t new_map_fd; uint32_t flags; uint32_t old_map_fd;
};
struct attr_link_detach { uint32_t link_fd; };
struct attr_enable_stats { uint32_t type; };
struct attr_iter_create { uint32_t link_fd; uint32_t flags; };

struct bpf_map_info {
    uint32_t type; uint32_t id; uint32_t key_size; uint32_t value_size; uint32_t max_entries;
    uint32_t map_flags; char name[16]; uint32_t ifindex; uint32_t btf_vmlinux_value_type_id;
    uint64_t netns_dev; uint64_t netns_ino; uint32_t btf_id; uint32_t btf_key_type_id;
    uint32_t btf_value_type_id; uint32_t btf_vmlinux_id; uint64_t map_extra;
};

struct bpf_prog_info {
    uint32_t type; uint32_t id; uint8_t tag[8]; uint32_t jited_prog_len; uint32_t xlated_prog_len;
    uint64_t jited_prog_insns; uint64_t xlated_prog_insns; uint64_t load_time;
    uint32_t created_by_uid; uint32_t nr_map_ids; uint64_t map_ids; char name[16];
    uint32_t ifindex; uint32_t gpl_compatible : 1; uint32_t : 31; uint64_t netns_dev;
    uint64_t netns_ino; uint32_t nr_jited_ksyms; uint32_t nr_jited_func_lens;
    uint64_t jited_ksyms; uint64_t jited_func_lens; uint32_t btf_id; uint32_t func_info_rec_size;
    uint64_t func_info; uint32_t nr_func_info; uint32_t nr_line_info; uint64_t line_info;
    uint64_t jited_line_info; uint32_t nr_jited_line_info; uint32_t line_info_rec_size;
    uint32_t jited_line_info_rec_size; uint32_t nr_prog_tags; uint64_t prog_tags;
    uint64_t run_time_ns; uint64_t run_cnt; uint64_t recursion_misses; uint32_t verified_insns;
    uint32_t attach_btf_obj_id; uint32_t attach_btf_id;
};

struct bpf_link_info {
    uint32_t type; uint32_t id; uint32_t prog_id; uint32_t pad; uint32_t map_id;
};

struct bpf_btf_info {
    uint64_t btf; uint32_t btf_size; uint32_t id; uint64_t name; uint32_t name_len;
    uint32_t kernel_btf;
};
"""


def generate(directory: Path) -> Path:
    """Write `stops_tui/bpf/_cdefs.py` under `directory`; return its path."""
    return compiled("stops_tui.bpf._cdefs", CDEF, directory)


def compiled(module: str, declarations: str, directory: Path) -> Path:
    """Write a module of C declarations under `directory`; return its path."""
    ffi = FFI()
    ffi.cdef(declarations)
    ffi.set_source(module, None)
    return Path(ffi.compile(tmpdir=str(directory)))


if __name__ == "__main__":
    generate(Path(__file__).parents[2])
