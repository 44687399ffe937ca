/* SPDX-License-Identifier: Apache-2.0 */
/* One inference and what it took: the function that a price is measured with too, so that it counts the same. */
#ifndef TIMED_INFER_H
#define TIMED_INFER_H

#include "ganglion_policy.h"

enum { POLICY_STATUS_BITS = 0x7F }; /* what a policy may tell; the bit above marks what the runtime refuses */

struct timed_answer {
    int16_t *action_codes; /* where they go */
    uint32_t cycles;       /* between two reads of the counter, one before and one behind the inference */
    uint8_t status;        /* of POLICY_STATUS_BITS */
};

/* The policy's answer to `observation`. */
void timed_infer(const struct ganglion_policy *policy, const float *observation, struct timed_answer *answer);

#endif
