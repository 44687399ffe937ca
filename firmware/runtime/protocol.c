/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol.h"

#include "board.h"
#include "crc32.h"

enum command {
    COMMAND_HELLO = 1,
    COMMAND_SELF_TEST = 2,
    COMMAND_INFER = 3,
    COMMAND_STATISTICS = 4,
    COMMAND_RESET = 5,
    ANSWER_BIT = 0x80,
};

enum status {
    STATUS_DONE = 0,
    STATUS_POLICY_BITS = 0x7F,
    STATUS_WRONG_LENGTH = 0x81,
    STATUS_UNTRUSTED = 0x82,
    STATUS_UNKNOWN_COMMAND = 0x83,
};

static uint32_t load_u32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void put_u8(struct protocol *protocol, uint8_t value)
{
    protocol->memory.answer[protocol->answer_length] = value;
    protocol->answer_length++;
}

static void put_u16(struct protocol *protocol, uint16_t value)
{
    put_u8(protocol, (uint8_t)value);
    put_u8(protocol, (uint8_t)(value >> 8));
}

static void put_u32(struct protocol *protocol, uint32_t value)
{
    put_u16(protocol, (uint16_t)value);
    put_u16(protocol, (uint16_t)(value >> 16));
}

static void put_name(struct protocol *protocol, const char *name)
{
    uint8_t length = 0;
    while (length < PROTOCOL_NAME_BYTES && name[length] != '\0') {
        length++;
    }
    put_u8(protocol, length);
    for (uint8_t i = 0; i < length; i++) {
        put_u8(protocol, (uint8_t)name[i]);
    }
}

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
    put_u8(protocol, STATUS_DONE);
    put_u8(protocol, PROTOCOL_VERSION);
    for (size_t i = 0; i < sizeof policy->digest; i++) {
        put_u8(protocol, policy->digest[i]);
    }
    put_u32(protocol, board_clock_hz());
    put_u16(protocol, policy->features);
    put_u16(protocol, policy->actions);
    put_name(protocol, policy->name);
    put_name(protocol, policy->kernel);
    put_name(protocol, board_name);
}

static void answer_self_test(struct protocol *protocol)
{
    test_policy(protocol);
    put_u8(protocol, protocol->trusted ? STATUS_DONE : STATUS_UNTRUSTED);
}

static void answer_infer(struct protocol *protocol)
{
    if (!protocol->trusted) {
        put_u8(protocol, STATUS_UNTRUSTED);
        return;
    }
    const struct ganglion_policy *policy = protocol->policy;
    const void *observation = protocol->memory.frame + PROTOCOL_HEADER_BYTES;
    int16_t *codes = protocol->memory.action_codes;
    const uint32_t start = board_cycles();
    const uint8_t status = policy->infer(observation, codes);
    const uint32_t cycles = board_cycles() - start;

    struct protocol_statistics *statistics = &protocol->statistics;
    statistics->inferences++;
    if (cycles > statistics->cycles_max) {
        statistics->cycles_max = cycles;
    }
    put_u8(protocol, status & STATUS_POLICY_BITS);
    put_u32(protocol, cycles);
    for (size_t i = 0; i < policy->actions; i++) {
        put_u16(protocol, (uint16_t)codes[i]);
    }
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

static void answer(struct protocol *protocol, uint8_t command, size_t payload_bytes)
{
    const size_t expected = command == COMMAND_INFER ? 4u * protocol->policy->features : 0;
    if (command < COMMAND_HELLO || command > COMMAND_RESET) {
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
    } else {
        put_u8(protocol, STATUS_DONE);
    }
}

static bool is_repeated(const struct protocol *protocol, uint8_t command, uint8_t sequence)
{
    const uint8_t *last = protocol->memory.answer;
    return protocol->answer_length != 0 && command != COMMAND_HELLO && last[0] == (command | ANSWER_BIT) &&
           last[1] == sequence;
}

static void execute(struct protocol *protocol, uint8_t command, uint8_t sequence, size_t payload_bytes)
{
    protocol->answer_length = 0;
    put_u8(protocol, command | ANSWER_BIT);
    put_u8(protocol, sequence);
    answer(protocol, command, payload_bytes);
    put_u32(protocol, crc32(protocol->memory.answer, protocol->answer_length, crc_seed(protocol, command)));
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
    if (is_repeated(protocol, command, frame[1])) {
        statistics->repeated++;
    } else {
        execute(protocol, command, frame[1], covered - PROTOCOL_HEADER_BYTES);
    }
    cobs_encode(protocol->memory.answer, protocol->answer_length, board_send);
    if (command == COMMAND_RESET && protocol->memory.answer[PROTOCOL_HEADER_BYTES] == STATUS_DONE) {
        board_reset();
    }
}

void protocol_start(struct protocol *protocol, const struct ganglion_policy *policy, struct protocol_memory memory)
{
    const bool fits = policy->features <= memory.features && policy->actions <= memory.actions;
    *protocol = (struct protocol){.policy = policy, .memory = memory, .trusted = fits};
    cobs_decoder_start(&protocol->decoder, memory.frame, PROTOCOL_FRAME_BYTES((size_t)memory.features));
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
