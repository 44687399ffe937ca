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
    PROTOCOL_KERNEL_BYTES = 63, /* a mix of kernels tells all its parts */
    PROTOCOL_HELLO_BYTES = 1 + 1 + 32 + 4 + 2 + 2 + 2 * (1 + PROTOCOL_NAME_BYTES) + 1 + PROTOCOL_KERNEL_BYTES,
    PROTOCOL_HEALTH_BYTES = 1 + 1 + 1 + 2 + 2 + 4 * 4, /* and two for each action; an inference takes fewer */
    PROTOCOL_ANSWERS = 2, /* kept for repetition: as many as frames may be in flight */
};

#define PROTOCOL_FRAME_BYTES(features) (PROTOCOL_OVERHEAD_BYTES + 4u * (features))
#define PROTOCOL_ANSWER_BYTES(actions)                                                                                 \
    (PROTOCOL_OVERHEAD_BYTES + (PROTOCOL_HEALTH_BYTES + 2u * (actions) > PROTOCOL_HELLO_BYTES                          \
                                    ? PROTOCOL_HEALTH_BYTES + 2u * (actions)                                           \
                                    : PROTOCOL_HELLO_BYTES))

/* What stands in for the policy when it has nothing sound to work on (docs/safety.md). */
struct protocol_safety {
    const int16_t *action; /* codes, one for each action */
    uint16_t watchdog_ms;  /* as the watchdog was started; 0: there is none */
    uint16_t timeout_ms;   /* after so long without an observation; 0: never */
    bool when_not_finite;
};

/* Memory lent to the protocol, sized by the macros above. `frame` starts two bytes before a multiple of
   four, so that the observation inside it is aligned. */
struct protocol_memory {
    uint8_t *frame;
    uint8_t *answers[PROTOCOL_ANSWERS];
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
    uint32_t cycles_min; /* fastest inference */
    uint32_t cycles_max; /* slowest inference */
    uint32_t not_finite; /* observations that were not finite */
    uint32_t timeouts;   /* times that observations stopped coming */
};

struct protocol {
    const struct ganglion_policy *policy;
    const struct protocol_safety *safety;
    struct protocol_memory memory;
    struct cobs_decoder decoder;
    struct protocol_statistics statistics;
    size_t lengths[PROTOCOL_ANSWERS]; /* of the last answers, CRC included; 0 when there is none to repeat */
    uint8_t newest;                   /* which of them is being written or was written last */
    uint8_t reset_cause;              /* enum board_reset_cause */
    uint32_t now_ms;
    uint32_t observed_ms; /* when the last observation came */
    bool observing;       /* observations come; false from a timeout to the next one */
    bool trusted;         /* the policy fits the memory and has passed every self-test */
};

/* Runs the self-test. A policy that fails it, or that does not fit the memory, never infers. */
void protocol_start(struct protocol *protocol, const struct ganglion_policy *policy, struct protocol_memory memory,
                    const struct protocol_safety *safety);

void protocol_receive(struct protocol *protocol, uint8_t byte);

/* Tells the time, modulo 2^32 ms: between any two bytes, and while none come. */
void protocol_tick(struct protocol *protocol, uint32_t now_ms);

#endif
