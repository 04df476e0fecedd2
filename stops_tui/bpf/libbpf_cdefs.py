"""C declarations of libbpf; `_libbpf_cdefs.py` is made of them (cffi, out-of-line ABI mode).

Regenerate it after a change here with `python -m stops_tui.bpf.libbpf_cdefs`. All functions but
those that mark a version are in every libbpf.so.1. Source: src/libbpf.h, src/libbpf.map.
"""

from __future__ import annotations

from pathlib import Path

from stops_tui.bpf.cdefs import compiled

CDEF = """
struct bpf_object;
struct bpf_map;
struct bpf_program;

/* Cut after the last field used: libbpf takes a shorter one as one with a zero tail. */
struct bpf_object_open_opts { size_t sz; const char *object_name; };

uint32_t libbpf_major_version(void);
uint32_t libbpf_minor_version(void);

/* The last argument is a va_list. On every ABI in syscall.py that is passed as one pointer: it is
   one, or an array, or a struct too large for registers. */
typedef int (*libbpf_print_fn_t)(int level, const char *format, void *arguments);
libbpf_print_fn_t libbpf_set_print(libbpf_print_fn_t hear);
int vsnprintf(char *text, size_t size, const char *format, void *arguments);

struct bpf_object *bpf_object__open_mem(const void *data, size_t size,
                                        const struct bpf_object_open_opts *opts);
int bpf_object__load(struct bpf_object *object);
void bpf_object__close(struct bpf_object *object);

struct bpf_map *bpf_object__next_map(const struct bpf_object *object, const struct bpf_map *map);
const char *bpf_map__name(const struct bpf_map *map);
int bpf_map__type(const struct bpf_map *map);
int bpf_map__set_autocreate(struct bpf_map *map, _Bool autocreate);
const char *bpf_map__pin_path(const struct bpf_map *map);
int bpf_map__set_pin_path(struct bpf_map *map, const char *path);

struct bpf_program *bpf_object__next_program(const struct bpf_object *object,
                                             struct bpf_program *program);
const char *bpf_program__name(const struct bpf_program *program);
int bpf_program__set_autoload(struct bpf_program *program, _Bool autoload);
int bpf_program__set_log_buf(struct bpf_program *program, char *log, size_t size);
int bpf_program__fd(const struct bpf_program *program);

int bpf_link__update_map(void *link, const struct bpf_map *map);      /* 1.2 */
int bpf_token_create(int bpffs_fd, void *opts);                       /* 1.4 */
"""


def generate(directory: Path) -> Path:
    """Write `stops_tui/bpf/_libbpf_cdefs.py` under `directory`; return its path."""
    return compiled("stops_tui.bpf._libbpf_cdefs", CDEF, directory)


if __name__ == "__main__":
    generate(Path(__file__).parents[2])
