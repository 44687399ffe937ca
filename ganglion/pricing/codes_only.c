/* SPDX-License-Identifier: Apache-2.0 */
/* A policy without its float maps, as the span "codes_only" of a price has it. */
#define POLICY_NO_FLOAT
#include "policy.h"

void codes_only(const policy_code_t *codes, int16_t *action);

void codes_only(const policy_code_t *codes, int16_t *action)
{
    policy_infer_codes(codes, action);
}
