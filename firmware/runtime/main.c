/* SPDX-License-Identifier: Apache-2.0 */
/* The image builder defines GANGLION_FEATURES and GANGLION_ACTIONS as ganglion_policy says, and GANGLION_SAFE_ACTION,
   GANGLION_SAFE_TIMEOUT_MS, GANGLION_SAFE_WHEN_NOT_FINITE and GANGLION_WATCHDOG_MS as the user does. */
#include "board.h"
#include "protocol.h"

enum { ALIGNMENT_BYTES = 2 }; /* moves the observation in the frame to a multiple of four */

static union {
    float alignment;
    uint8_t bytes[ALIGNMENT_BYTES + PROTOCOL_FRAME_BYTES(GANGLION_FEATURES)];
} frame;

static uint8_t answers[PROTOCOL_ANSWERS][PROTOCOL_ANSWER_BYTES(GANGLION_ACTIONS)];
static int16_t action_codes[GANGLION_ACTIONS];
static struct protocol protocol;

static const int16_t safe_action[GANGLION_ACTIONS] = {GANGLION_SAFE_ACTION};
static const struct protocol_safety safety = {
    .action = safe_action,
    .watchdog_ms = GANGLION_WATCHDOG_MS,
    .timeout_ms = GANGLION_SAFE_TIMEOUT_MS,
    .when_not_finite = GANGLION_SAFE_WHEN_NOT_FINITE,
};

static void start(void)
{
    board_start();
    if (safety.timeout_ms != 0) {
        board_actuate(safe_action, GANGLION_ACTIONS);
    }
    protocol_start(&protocol, &ganglion_policy,
                   (struct protocol_memory){
                       .frame = frame.bytes + ALIGNMENT_BYTES,
                       .answers = {answers[0], answers[1]},
                       .action_codes = action_codes,
                       .features = GANGLION_FEATURES,
                       .actions = GANGLION_ACTIONS,
                   },
                   &safety);
    if (safety.timeout_ms != 0 || safety.watchdog_ms != 0) {
        board_tick_start();
    }
    if (safety.watchdog_ms != 0) {
        board_watchdog_start(safety.watchdog_ms);
    }
}

int main(void)
{
    start();
    for (;;) {
        uint8_t byte;
        board_watchdog_feed();
        protocol_tick(&protocol, board_ms());
        if (board_receive(&byte)) {
            protocol_receive(&protocol, byte);
        } else {
            board_wait();
        }
    }
}
