/* SPDX-License-Identifier: Apache-2.0 */
/* The device's side of docs/protocol.md: bytes in, answers out through board_send. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cobs.h"
#include "ganglion_policy.h"

enum {
    PROTOCOL_VERSION = 1,
    PROTOCOL_HEADER_BYTES = 2, /* type, sequence */
    PROTOCOL_CRC_BYTES = 4,
    PROTOCOL_OVERHEAD_BYTES = PROTOCOL_HEADER_BYTES + PROTOCOL_CRC_BYTES,
    PROTOCOL_NAME_BYTES = 23, /* longer names are cut */
    PROTOCOL_HELLO_BYTES = 1 + 1 + 32 + 4 + 2 + 2 + 3 * (1 + PROTOCOL_NAME_BYTES),
    PROTOCOL_INFER_BYTES = 1 + 4, /* and two for each action */
};

#define PROTOCOL_FRAME_BYTES(features) (PROTOCOL_OVERHEAD_BYTES + 4u * (features))
#define PROTOCOL_ANSWER_BYTES(actions)                                                                                 \
    (PROTOCOL_OVERHEAD_BYTES + (PROTOCOL_INFER_BYTES + 2u * (actions) > PROTOCOL_HELLO_BYTES                           \
                                    ? PROTOCOL_INFER_BYTES + 2u * (actions)                                            \
                                    : PROTOCOL_HELLO_BYTES))

/* Memory lent to the protocol, sized by the macros above. `frame` starts two bytes before a multiple of
   four, so that the observation inside it is aligned. */
struct protocol_memory {
    uint8_t *frame;
    uint8_t *answer;
    int16_t *action_codes;
    uint16_t features;
    uint16_t actions;
};

struct protocol_statistics {
    uint32_t frames;     /* valid frames, repeated ones included */
    uint32_t inferences; /* runs of the policy */
    uint32_t repeated;   /* frames answered from memory */
    uint32_t corrupt;    /* packets with a wrong CRC or a block cut off */
    uint32_t too_short;  /* packets shorter than the smallest frame */
    uint32_t too_long;   /* packets longer than the longest frame */
    uint32_t foreign;    /* valid frames that are themselves answers */
    uint32_t cycles_max; /* slowest inference */
};

struct protocol {
    const struct ganglion_policy *policy;
    struct protocol_memory memory;
    struct cobs_decoder decoder;
    struct protocol_statistics statistics;
    size_t answer_length; /* of the last answer, CRC included; 0 when there is none to repeat */
    bool trusted;         /* the policy fits the memory and has passed every self-test */
};

/* Runs the self-test. A policy that fails it, or that does not fit the memory, never infers. */
void protocol_start(struct protocol *protocol, const struct ganglion_policy *policy, struct protocol_memory memory);

void protocol_receive(struct protocol *protocol, uint8_t byte);

#endif
