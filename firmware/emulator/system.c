/* SPDX-License-Identifier: Apache-2.0 */
/* The core's own registers (ARMv7-M Architecture Reference Manual, B3.2 system control, B3.3 SysTick, B3.4 NVIC,
   C1.8 DWT). SysTick counts and ends a sleep, but
   its handler is not modelled; priorities are stored and have no effect. */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

enum {
    DWT_CTRL = 0x1000,
    DWT_CYCCNT = 0x1004,
    DWT_END = 0x1060,
    DWT_LAR = 0x1FB0,
    SCS = 0xE000,
    SCS_END = 0xF000,
    SYST_CSR = 0xE010,
    SYST_RVR = 0xE014,
    SYST_CVR = 0xE018,
    NVIC_ISER = 0xE100,
    NVIC_ICER = 0xE180,
    NVIC_ISPR = 0xE200,
    NVIC_ICPR = 0xE280,
    CPUID = 0xED00,
    ICSR = 0xED04,
    ICSR_PENDSTCLR = 1 << 25,
    AIRCR = 0xED0C,
    DEMCR = 0xEDFC,
    DEMCR_TRCENA = 1 << 24,
    CTRL_CYCCNTENA = 1 << 0,
    CSR_ENABLE = 1 << 0,
    CSR_TICKINT = 1 << 1,
    CSR_COUNTFLAG = 1 << 16,
    AIRCR_SYSRESETREQ = 1 << 2,
};

#define AIRCR_KEY 0x05FA0000u

static uint32_t *word_at(const struct machine *m, uint32_t offset)
{
    return &m->system[offset / 4];
}

uint32_t machine_word(const struct machine *m, uint32_t address)
{
    return *word_at(m, address - SYSTEM);
}

/* Cycles up to the instruction that accesses `offset`, in the middle of its block. */
static uint64_t now(struct machine *m, uint32_t offset, bool write)
{
    const uint32_t pc = access_pc(&m->accesses, SYSTEM + offset, write);
    return pc ? edges_reach(&m->edges, pc) : m->core.cycles;
}

static bool counting(const struct machine *m)
{
    return (*word_at(m, DEMCR) & DEMCR_TRCENA) && (*word_at(m, DWT_CTRL) & CTRL_CYCCNTENA);
}

static uint32_t read_counter(struct machine *m)
{
    return counting(m) ? (uint32_t)(now(m, DWT_CYCCNT, false) - m->counter_base) : *word_at(m, DWT_CYCCNT);
}

static void write_counter(struct machine *m, uint32_t value)
{
    *word_at(m, DWT_CYCCNT) = value;
    m->counter_base = now(m, DWT_CYCCNT, true) - value;
}

/* The counter keeps its value where counting starts or ends. */
static void control_counter(struct machine *m, uint32_t offset, uint32_t value)
{
    const uint64_t time = now(m, offset, true);
    const uint32_t count = counting(m) ? (uint32_t)(time - m->counter_base) : *word_at(m, DWT_CYCCNT);
    *word_at(m, DWT_CYCCNT) = count;
    *word_at(m, offset) = value;
    m->counter_base = time - count;
}

static uint64_t systick_period(const struct machine *m)
{
    return (uint64_t)(*word_at(m, SYST_RVR) & 0xFFFFFFu) + 1;
}

static bool systick_runs(const struct machine *m)
{
    return *word_at(m, SYST_CSR) & CSR_ENABLE;
}

static uint64_t systick_passed(const struct machine *m)
{
    return systick_runs(m) ? core_now(&m->core) - m->systick_base : 0;
}

bool systick_pends(const struct machine *m)
{
    const bool armed = systick_runs(m) && (*word_at(m, SYST_CSR) & CSR_TICKINT);
    return m->systick_pending || (armed && systick_passed(m) / systick_period(m) > m->systick_armed);
}

/* When SysTick ends a sleep; 0 when it does not. */
uint64_t systick_next(const struct machine *m)
{
    const bool armed = systick_runs(m) && (*word_at(m, SYST_CSR) & CSR_TICKINT);
    return armed ? m->systick_base + (systick_passed(m) / systick_period(m) + 1) * systick_period(m) : 0;
}

static uint32_t systick_read(struct machine *m, uint32_t offset)
{
    const uint64_t passed = systick_passed(m);
    if (offset == SYST_CVR) {
        return systick_runs(m) ? (uint32_t)(systick_period(m) - 1 - passed % systick_period(m)) : 0;
    }
    const uint64_t wraps = passed / systick_period(m);
    const uint32_t flag = wraps > m->systick_wraps ? CSR_COUNTFLAG : 0;
    m->systick_wraps = wraps;
    return *word_at(m, SYST_CSR) | flag;
}

static void systick_restart(struct machine *m)
{
    m->systick_base = core_now(&m->core);
    m->systick_wraps = m->systick_armed = 0;
}

static void systick_control(struct machine *m, uint32_t value)
{
    const bool restarts = (*word_at(m, SYST_CSR) ^ value) & CSR_ENABLE;
    m->systick_pending = systick_pends(m);
    *word_at(m, SYST_CSR) = value & ~(uint32_t)CSR_COUNTFLAG;
    m->systick_armed = systick_passed(m) / systick_period(m);
    if (restarts) {
        systick_restart(m);
    }
}

static void systick_write(struct machine *m, uint32_t offset, uint32_t value)
{
    if (offset == SYST_CSR) {
        systick_control(m, value);
    } else {
        *word_at(m, offset) = value;
        systick_restart(m);
    }
}

static void systick_clear(struct machine *m)
{
    m->systick_pending = false;
    m->systick_armed = systick_passed(m) / systick_period(m);
}

static bool nvic_word(uint32_t offset, uint32_t base, uint32_t *index)
{
    *index = (offset - base) / 4;
    return offset >= base && *index < INTERRUPT_WORDS;
}

static void scs_write(struct machine *m, uint32_t offset, uint32_t value)
{
    uint32_t i;
    if (nvic_word(offset, NVIC_ISER, &i)) {
        m->enabled[i] |= value;
    } else if (nvic_word(offset, NVIC_ICER, &i)) {
        m->enabled[i] &= ~value;
    } else if (nvic_word(offset, NVIC_ISPR, &i)) {
        m->pending[i] |= value;
    } else if (nvic_word(offset, NVIC_ICPR, &i)) {
        m->pending[i] &= ~value;
    } else if (offset == SYST_CSR || offset == SYST_RVR || offset == SYST_CVR) {
        systick_write(m, offset, value);
    } else if (offset == AIRCR) {
        m->reset_requested |= (value & 0xFFFF0000u) == AIRCR_KEY && (value & AIRCR_SYSRESETREQ);
    } else if (offset == ICSR && (value & ICSR_PENDSTCLR)) {
        systick_clear(m);
    } else if (offset == DEMCR) {
        control_counter(m, offset, value);
    } else if (offset != CPUID) {
        *word_at(m, offset) = value;
    }
}

static uint32_t scs_read(struct machine *m, uint32_t offset)
{
    uint32_t i;
    if (nvic_word(offset, NVIC_ISER, &i) || nvic_word(offset, NVIC_ICER, &i)) {
        return m->enabled[i];
    }
    if (nvic_word(offset, NVIC_ISPR, &i) || nvic_word(offset, NVIC_ICPR, &i)) {
        return m->pending[i];
    }
    if (offset == SYST_CSR || offset == SYST_CVR) {
        return systick_read(m, offset);
    }
    return offset == CPUID ? m->config.cpuid : *word_at(m, offset);
}

static bool modelled(uint32_t offset)
{
    return (DWT_CTRL <= offset && offset < DWT_END) || offset == DWT_LAR || (SCS <= offset && offset < SCS_END);
}

static uint64_t on_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    (void)uc;
    struct machine *m = user;
    const uint32_t at = (uint32_t)offset & ~3u, place = 8 * ((uint32_t)offset & 3u);
    core_end_quiet(&m->core);
    if (!modelled(at)) {
        core_raise(&m->core, FAULT_PERIPHERAL, 0, SYSTEM + (uint32_t)offset);
        return 0;
    }
    const uint32_t word = at == DWT_CYCCNT ? read_counter(m) : at >= SCS ? scs_read(m, at) : *word_at(m, at);
    return size >= 4 ? word : word >> place & ((1u << 8 * size) - 1u);
}

static void on_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    (void)uc;
    struct machine *m = user;
    const uint32_t at = (uint32_t)offset & ~3u, place = 8 * ((uint32_t)offset & 3u);
    core_end_quiet(&m->core);
    if (!modelled(at)) {
        core_raise(&m->core, FAULT_PERIPHERAL, 1, SYSTEM + (uint32_t)offset);
        return;
    }
    const uint32_t mask = size >= 4 ? 0xFFFFFFFFu : ((1u << 8 * size) - 1u) << place;
    const uint32_t merged = (*word_at(m, at) & ~mask) | ((uint32_t)value << place & mask);
    if (at == DWT_CYCCNT) {
        write_counter(m, merged);
    } else if (at == DWT_CTRL) {
        control_counter(m, at, merged);
    } else if (at < SCS) {
        *word_at(m, at) = merged;
    } else {
        scs_write(m, at, merged);
    }
}

bool system_start(struct machine *m)
{
    m->system = calloc(SYSTEM_BYTES, 1);
    return m->system && uc_mmio_map(m->core.uc, SYSTEM, SYSTEM_BYTES, on_read, m, on_write, m) == UC_ERR_OK;
}

void system_reset(struct machine *m)
{
    memset(m->system, 0, SYSTEM_BYTES);
    memset(m->enabled, 0, sizeof m->enabled);
    memset(m->pending, 0, sizeof m->pending);
    m->systick_pending = false;
    m->system[0xED08 / 4] = m->config.vectors;
    m->system[0xED14 / 4] = 0x200; /* CCR.STKALIGN */
}
