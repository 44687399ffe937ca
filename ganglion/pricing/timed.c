/* SPDX-License-Identifier: Apache-2.0 */
/* What firmware counts for an inference, as a function to call. */
#include "cortex_m.h"
#include "timed_infer.h"

uint32_t timed(const float *observation, int16_t *action_codes);

uint32_t timed(const float *observation, int16_t *action_codes)
{
    struct timed_answer answer = {.action_codes = action_codes};
    cycle_counter_start();
    timed_infer(&ganglion_policy, observation, &answer);
    return answer.cycles;
}
