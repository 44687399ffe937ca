/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's protocol on the host: a board made of two buffers, driven from Python. */
#include <string.h>

#include "board.h"
#include "protocol.h"

enum { FEATURES = 3, ACTIONS = 2, SENT_BYTES = 1 << 20, GUARD = 0xA5, GUARD_BYTES = 16 };

const char board_name[] = "host";

static struct {
    union {
        float alignment;
        uint8_t bytes[2 + PROTOCOL_FRAME_BYTES(FEATURES)];
    } frame;
    uint8_t frame_guard[GUARD_BYTES];
    struct {
        uint8_t bytes[PROTOCOL_ANSWER_BYTES(ACTIONS)];
        uint8_t guard[GUARD_BYTES];
    } answers[PROTOCOL_ANSWERS];
} memory;

static int16_t action_codes[ACTIONS];
static struct protocol protocol;
static struct ganglion_policy policy;
static uint8_t sent[SENT_BYTES];
static size_t sent_count;
static uint32_t cycles;
static int self_test_result;
static unsigned resets;
static uint32_t reset_cause;

static const int16_t safe_action[ACTIONS] = {-300, 400};
static struct protocol_safety safety = {.action = safe_action, .watchdog_ms = 50};
static int16_t actuated[ACTIONS];
static unsigned actuations;

static int chosen_self_test(void)
{
    return self_test_result != 0 ? self_test_result : ganglion_policy.self_test();
}

static void start(void)
{
    protocol_start(&protocol, &policy,
                   (struct protocol_memory){memory.frame.bytes + 2,
                                            {memory.answers[0].bytes, memory.answers[1].bytes},
                                            action_codes,
                                            FEATURES,
                                            ACTIONS},
                   &safety);
}

/* Before host_start. */
void host_guard(uint16_t timeout_ms, int when_not_finite)
{
    safety.timeout_ms = timeout_ms;
    safety.when_not_finite = when_not_finite != 0;
}

void host_start(int chosen_result, uint16_t features)
{
    memset(&memory, GUARD, sizeof memory);
    policy = ganglion_policy;
    policy.self_test = chosen_self_test;
    policy.features = features;
    self_test_result = chosen_result;
    sent_count = 0;
    resets = 0;
    cycles = 0;
    reset_cause = RESET_POWER;
    actuations = 0;
    start();
}

void host_set_self_test(int chosen_result)
{
    self_test_result = chosen_result;
}

size_t host_exchange(const uint8_t *received, size_t count, uint8_t *answers, size_t capacity)
{
    sent_count = 0;
    for (size_t i = 0; i < count; i++) {
        protocol_receive(&protocol, received[i]);
    }
    const size_t whole = sent_count < capacity ? sent_count : capacity;
    memcpy(answers, sent, whole);
    return sent_count;
}

/* Lets the time come to `now_ms`; what is sent then goes to `notices`. */
size_t host_tick(uint32_t now_ms, uint8_t *notices, size_t capacity)
{
    sent_count = 0;
    protocol_tick(&protocol, now_ms);
    memcpy(notices, sent, sent_count < capacity ? sent_count : capacity);
    return sent_count;
}

/* How often the actuators were driven, and with which codes last. */
unsigned host_actuated(int16_t *codes)
{
    memcpy(codes, actuated, sizeof actuated);
    return actuations;
}

unsigned host_resets(void)
{
    return resets;
}

int host_guards_hold(void)
{
    for (size_t i = 0; i < GUARD_BYTES; i++) {
        if (memory.frame_guard[i] != GUARD || memory.answers[0].guard[i] != GUARD ||
            memory.answers[1].guard[i] != GUARD) {
            return 0;
        }
    }
    return 1;
}

void board_start(void)
{
}

uint32_t board_clock_hz(void)
{
    return 1000000u;
}

uint32_t board_cycles(void)
{
    cycles += 7;
    return cycles;
}

bool board_receive(uint8_t *byte)
{
    (void)byte;
    return false;
}

uint32_t board_lost_bytes(void)
{
    return 0;
}

void board_send(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count && sent_count < SENT_BYTES; i++) {
        sent[sent_count++] = bytes[i];
    }
}

void board_wait(void)
{
}

enum board_reset_cause board_reset_cause(void)
{
    return (enum board_reset_cause)reset_cause;
}

void board_actuate(const int16_t *codes, size_t count)
{
    memcpy(actuated, codes, count * sizeof *codes);
    actuations++;
}

void board_reset(void)
{
    resets++;
    reset_cause = RESET_SOFTWARE;
    start();
}
