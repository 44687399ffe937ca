/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer on a policy: any bytes as codes and as float32 observations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds) {
        abort();
    }
}

static void codes(const uint8_t *data)
{
    net_code_t *input = malloc(sizeof(net_code_t) * NET_FEATURES);
    int16_t first[NET_ACTIONS], second[NET_ACTIONS];
    check(input != NULL);
    memcpy(input, data, sizeof(net_code_t) * NET_FEATURES);
    net_infer_codes(input, first);
    net_infer_codes(input, second);
    check(memcmp(first, second, sizeof first) == 0);
    free(input);
}

static void observation(const uint8_t *data)
{
    float *input = malloc(sizeof(float) * NET_FEATURES), action[NET_ACTIONS];
    int finite = 1;
    check(input != NULL);
    memcpy(input, data, sizeof(float) * NET_FEATURES);
    for (unsigned i = 0; i < NET_FEATURES; i++) {
        finite = finite && isfinite(input[i]);
    }
    check(net_infer(input, action) == (finite ? 0 : 1));
    for (unsigned i = 0; i < NET_ACTIONS; i++) {
        check(isfinite(action[i]));
    }
    free(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= sizeof(net_code_t) * NET_FEATURES) {
        codes(data);
    }
    if (size >= sizeof(float) * NET_FEATURES) {
        observation(data);
    }
    return 0;
}
