/* SPDX-License-Identifier: Apache-2.0 */
#include "timed_infer.h"

#include "board.h"

void timed_infer(const struct ganglion_policy *policy, const float *observation, struct timed_answer *answer)
{
    const uint32_t start = board_cycles();
    answer->status = policy->infer(observation, answer->action_codes) & POLICY_STATUS_BITS;
    answer->cycles = board_cycles() - start;
}
