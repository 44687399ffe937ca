/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin for QEMU's code generator: how often each translated block ran, and how many instructions it has.
   Debian ships no header for plugins; these are the parts of version 1 of the interface that are used here
   (QEMU 7.2, docs/devel/tcg-plugins). Argument: out=FILE; a line there is "address instructions runs". */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
typedef uint64_t plugin_id;
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*translated)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation, void *counter, uint64_t step);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*exiting)(plugin_id, void *), void *user);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments);
EXPORT int qemu_plugin_version = 1;

enum { INLINE_ADD = 0 };

struct block {
    uint64_t address, instructions, runs;
    struct block *next;
};

static struct block *blocks;
static const char *path;

static void on_translated(plugin_id id, struct qemu_plugin_tb *translated)
{
    (void)id;
    struct block *block = calloc(1, sizeof *block);
    if (!block) {
        abort();
    }
    block->address = qemu_plugin_tb_vaddr(translated);
    block->instructions = qemu_plugin_tb_n_insns(translated);
    block->next = blocks;
    blocks = block;
    qemu_plugin_register_vcpu_tb_exec_inline(translated, INLINE_ADD, &block->runs, 1);
}

static void write_counts(plugin_id id, void *user)
{
    (void)id, (void)user;
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        return;
    }
    for (const struct block *block = blocks; block; block = block->next) {
        fprintf(file, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", block->address, block->instructions, block->runs);
    }
    fclose(file);
}

int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments)
{
    (void)info;
    if (count != 1 || strncmp(arguments[0], "out=", 4) != 0) {
        fprintf(stderr, "block_counts: one argument is needed: out=FILE\n");
        return -1;
    }
    path = strdup(arguments[0] + 4);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translated);
    qemu_plugin_register_atexit_cb(id, write_counts, NULL);
    return path ? 0 : -1;
}
