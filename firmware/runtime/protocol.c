/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol.h"

#include "board.h"
#include "crc32.h"
#include "payload.h"
#include "timed_infer.h"

enum command {
    COMMAND_HELLO = 1,
    COMMAND_SELF_TEST = 2,
    COMMAND_INFER = 3,
    COMMAND_STATISTICS = 4,
    COMMAND_RESET = 5,
    COMMAND_HEALTH = 7, /* 6 is for logic */
    ANSWER_BIT = 0x80,
    NOTICE_SAFE_ACTION = 0xC0,
};

enum status {
    STATUS_DONE = 0,
    STATUS_NOT_FINITE = 0x01,
    STATUS_SAFE_ACTION = 0x02,
    STATUS_WRONG_LENGTH = 0x81,
    STATUS_UNTRUSTED = 0x82,
    STATUS_UNKNOWN_COMMAND = 0x83,
};

static uint32_t crc_seed(const struct protocol *protocol, uint8_t type)
{
    const uint8_t command = (uint8_t)(type & ~(unsigned)ANSWER_BIT);
    return command == COMMAND_HELLO ? 0 : load_u32(protocol->policy->digest);
}

static void test_policy(struct protocol *protocol)
{
    if (protocol->trusted) {
        protocol->trusted = protocol->policy->self_test() == 0;
    }
}

static void answer_hello(struct protocol *protocol)
{
    const struct ganglion_policy *policy = protocol->policy;
    protocol->lengths[protocol->newest ^ 1u] = 0;
    put_u8(protocol, STATUS_DONE);
    put_u8(protocol, PROTOCOL_VERSION);
    for (size_t i = 0; i < sizeof policy->digest; i++) {
        put_u8(protocol, policy->digest[i]);
    }
    put_u32(protocol, board_clock_hz());
    put_u16(protocol, policy->features);
    put_u16(protocol, policy->actions);
    put_name(protocol, policy->name, PROTOCOL_NAME_BYTES);
    put_name(protocol, policy->kernel, PROTOCOL_KERNEL_BYTES);
    put_name(protocol, board_name, PROTOCOL_NAME_BYTES);
}

static void answer_self_test(struct protocol *protocol)
{
    test_policy(protocol);
    put_u8(protocol, protocol->trusted ? STATUS_DONE : STATUS_UNTRUSTED);
}

static void count_cycles(struct protocol_statistics *statistics, uint32_t cycles)
{
    if (statistics->inferences == 0 || cycles < statistics->cycles_min) {
        statistics->cycles_min = cycles;
    }
    if (cycles > statistics->cycles_max) {
        statistics->cycles_max = cycles;
    }
    statistics->inferences++;
}

static void answer_infer(struct protocol *protocol)
{
    if (!protocol->trusted) {
        put_u8(protocol, STATUS_UNTRUSTED);
        return;
    }
    const struct ganglion_policy *policy = protocol->policy;
    const void *observation = protocol->memory.frame + PROTOCOL_HEADER_BYTES;
    const int16_t *codes = protocol->memory.action_codes;
    struct timed_answer timed = {.action_codes = protocol->memory.action_codes};
    timed_infer(policy, observation, &timed);
    uint8_t status = timed.status;

    count_cycles(&protocol->statistics, timed.cycles);
    protocol->statistics.not_finite += status & STATUS_NOT_FINITE;
    if ((status & STATUS_NOT_FINITE) && protocol->safety->when_not_finite) {
        codes = protocol->safety->action;
        status |= STATUS_SAFE_ACTION;
    }
    protocol->observed_ms = protocol->now_ms;
    protocol->observing = true;
    board_actuate(codes, policy->actions);
    put_u8(protocol, status);
    put_u32(protocol, timed.cycles);
    put_codes(protocol, codes);
}

static void answer_statistics(struct protocol *protocol)
{
    const struct protocol_statistics *statistics = &protocol->statistics;
    put_u8(protocol, STATUS_DONE);
    put_u32(protocol, statistics->frames);
    put_u32(protocol, statistics->inferences);
    put_u32(protocol, statistics->repeated);
    put_u32(protocol, statistics->corrupt);
    put_u32(protocol, statistics->too_short);
    put_u32(protocol, statistics->too_long);
    put_u32(protocol, statistics->foreign);
    put_u32(protocol, board_lost_bytes());
    put_u32(protocol, statistics->cycles_max);
}

static void answer_health(struct protocol *protocol)
{
    const struct protocol_statistics *statistics = &protocol->statistics;
    const struct protocol_safety *safety = protocol->safety;
    put_u8(protocol, STATUS_DONE);
    put_u8(protocol, protocol->reset_cause);
    put_u8(protocol, safety->when_not_finite);
    put_u16(protocol, safety->watchdog_ms);
    put_u16(protocol, safety->timeout_ms);
    put_u32(protocol, statistics->cycles_min);
    put_u32(protocol, statistics->cycles_max);
    put_u32(protocol, statistics->not_finite);
    put_u32(protocol, statistics->timeouts);
    put_codes(protocol, safety->action);
}

static bool is_known(uint8_t command)
{
    return (command >= COMMAND_HELLO && command <= COMMAND_RESET) || command == COMMAND_HEALTH;
}

static void answer(struct protocol *protocol, uint8_t command, size_t payload_bytes)
{
    const size_t expected = command == COMMAND_INFER ? 4u * protocol->policy->features : 0;
    if (!is_known(command)) {
        put_u8(protocol, STATUS_UNKNOWN_COMMAND);
    } else if (payload_bytes != expected) {
        put_u8(protocol, STATUS_WRONG_LENGTH);
    } else if (command == COMMAND_HELLO) {
        answer_hello(protocol);
    } else if (command == COMMAND_SELF_TEST) {
        answer_self_test(protocol);
    } else if (command == COMMAND_INFER) {
        answer_infer(protocol);
    } else if (command == COMMAND_STATISTICS) {
        answer_statistics(protocol);
    } else if (command == COMMAND_HEALTH) {
        answer_health(protocol);
    } else {
        put_u8(protocol, STATUS_DONE);
    }
}

/* The last answers are two: the host may have sent its next frame when it asks for one again. */
static bool find_repeated(struct protocol *protocol, uint8_t command, uint8_t sequence, uint8_t *found)
{
    for (uint8_t i = 0; i < PROTOCOL_ANSWERS; i++) {
        const uint8_t *last = protocol->memory.answers[i];
        if (protocol->lengths[i] != 0 && last[0] == (command | ANSWER_BIT) && last[1] == sequence) {
            *found = i;
            return command != COMMAND_HELLO;
        }
    }
    return false;
}

static void begin(struct protocol *protocol, uint8_t type, uint8_t sequence)
{
    protocol->newest ^= 1u;
    protocol->lengths[protocol->newest] = 0;
    put_u8(protocol, type);
    put_u8(protocol, sequence);
}

static void close_frame(struct protocol *protocol, uint8_t type)
{
    const uint8_t newest = protocol->newest;
    put_u32(protocol, crc32(protocol->memory.answers[newest], protocol->lengths[newest], crc_seed(protocol, type)));
}

static void send(const struct protocol *protocol, uint8_t index)
{
    cobs_encode(protocol->memory.answers[index], protocol->lengths[index], board_send);
}

static void execute(struct protocol *protocol, uint8_t command, uint8_t sequence, size_t payload_bytes)
{
    begin(protocol, command | ANSWER_BIT, sequence);
    answer(protocol, command, payload_bytes);
    close_frame(protocol, command);
}

static void handle_packet(struct protocol *protocol, size_t length)
{
    struct protocol_statistics *statistics = &protocol->statistics;
    const uint8_t *frame = protocol->memory.frame;
    if (length < PROTOCOL_OVERHEAD_BYTES) {
        statistics->too_short++;
        return;
    }
    const size_t covered = length - PROTOCOL_CRC_BYTES;
    const uint8_t command = frame[0];
    if (crc32(frame, covered, crc_seed(protocol, command)) != load_u32(frame + covered)) {
        statistics->corrupt++;
        return;
    }
    if (command & ANSWER_BIT) {
        statistics->foreign++;
        return;
    }
    statistics->frames++;
    uint8_t index;
    if (find_repeated(protocol, command, frame[1], &index)) {
        statistics->repeated++;
    } else {
        execute(protocol, command, frame[1], covered - PROTOCOL_HEADER_BYTES);
        index = protocol->newest;
    }
    send(protocol, index);
    if (command == COMMAND_RESET && protocol->memory.answers[index][PROTOCOL_HEADER_BYTES] == STATUS_DONE) {
        board_reset();
    }
}

void protocol_start(struct protocol *protocol, const struct ganglion_policy *policy, struct protocol_memory memory,
                    const struct protocol_safety *safety)
{
    const bool fits = policy->features <= memory.features && policy->actions <= memory.actions;
    *protocol = (struct protocol){.policy = policy, .safety = safety, .memory = memory, .trusted = fits};
    cobs_decoder_start(&protocol->decoder, memory.frame, PROTOCOL_FRAME_BYTES((size_t)memory.features));
    protocol->reset_cause = (uint8_t)board_reset_cause();
    test_policy(protocol);
}

void protocol_receive(struct protocol *protocol, uint8_t byte)
{
    switch (cobs_decode(&protocol->decoder, byte)) {
    case COBS_MORE:
        break;
    case COBS_PACKET:
        handle_packet(protocol, protocol->decoder.length);
        break;
    case COBS_CUT:
        protocol->statistics.corrupt++;
        break;
    case COBS_LONG:
        protocol->statistics.too_long++;
        break;
    }
}

/* Not an answer: nothing is kept to be repeated. */
static void give_safe_action(struct protocol *protocol)
{
    board_actuate(protocol->safety->action, protocol->policy->actions);
    begin(protocol, NOTICE_SAFE_ACTION, (uint8_t)protocol->statistics.timeouts);
    put_u8(protocol, STATUS_SAFE_ACTION);
    put_codes(protocol, protocol->safety->action);
    close_frame(protocol, NOTICE_SAFE_ACTION);
    send(protocol, protocol->newest);
    protocol->lengths[protocol->newest] = 0;
}

void protocol_tick(struct protocol *protocol, uint32_t now_ms)
{
    const uint16_t timeout_ms = protocol->safety->timeout_ms;
    protocol->now_ms = now_ms;
    if (protocol->observing && timeout_ms != 0 && now_ms - protocol->observed_ms >= timeout_ms) {
        protocol->observing = false;
        protocol->statistics.timeouts++;
        give_safe_action(protocol);
    }
}
