/* SPDX-License-Identifier: Apache-2.0 */
/* The image builder defines GANGLION_FEATURES and GANGLION_ACTIONS, as ganglion_policy says. */
#include "board.h"
#include "protocol.h"

enum { ALIGNMENT_BYTES = 2 }; /* moves the observation in the frame to a multiple of four */

static union {
    float alignment;
    uint8_t bytes[ALIGNMENT_BYTES + PROTOCOL_FRAME_BYTES(GANGLION_FEATURES)];
} frame;

static uint8_t answer[PROTOCOL_ANSWER_BYTES(GANGLION_ACTIONS)];
static int16_t action_codes[GANGLION_ACTIONS];
static struct protocol protocol;

int main(void)
{
    board_start();
    protocol_start(&protocol, &ganglion_policy,
                   (struct protocol_memory){
                       .frame = frame.bytes + ALIGNMENT_BYTES,
                       .answer = answer,
                       .action_codes = action_codes,
                       .features = GANGLION_FEATURES,
                       .actions = GANGLION_ACTIONS,
                   });
    for (;;) {
        uint8_t byte;
        while (board_receive(&byte)) {
            protocol_receive(&protocol, byte);
        }
        board_wait();
    }
}
