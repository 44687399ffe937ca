/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime knows of the compiled policy: the generated policy.c defines it. */
#ifndef GANGLION_RUNTIME_POLICY_H
#define GANGLION_RUNTIME_POLICY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ganglion_policy {
    const char *name;          /* C identifier of the policy */
    const char *kernel;        /* kernel variant, such as "csr" */
    uint8_t digest[32];        /* SHA-256 of the actor */
    uint16_t features;         /* floats per observation */
    uint16_t actions;          /* int16 codes per action */
    uint8_t (*infer)(const float *observation, int16_t *action_codes);   /* returns status bits, bit 0: non-finite observation */
    int (*self_test)(void);    /* 0 when the known answers come out */
};

extern const struct ganglion_policy ganglion_policy;

#ifdef __cplusplus
}
#endif

#endif
