/* SPDX-License-Identifier: Apache-2.0 */
/* A policy as a program for the sanitizers: observations on stdin, status and actions on stdout. Every buffer has its
   exact size on the heap, so that no access beside it stays unseen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

int main(void)
{
    unsigned char bytes[4 * NET_FEATURES];
    if (net_self_test() != 0) {
        return 2;
    }
    while (fread(bytes, sizeof bytes, 1, stdin) == 1) {
        float *observation = malloc(sizeof(float) * NET_FEATURES);
        float *action = malloc(sizeof(float) * NET_ACTIONS);
        net_code_t *codes = malloc(sizeof(net_code_t) * NET_FEATURES);
        int16_t *action_codes = malloc(sizeof(int16_t) * NET_ACTIONS);
        if (!observation || !action || !codes || !action_codes) {
            return 3;
        }
        memcpy(observation, bytes, sizeof bytes);
        memcpy(codes, bytes, sizeof(net_code_t) * NET_FEATURES);
        fputc(net_infer(observation, action), stdout);
        fwrite(action, sizeof(float), NET_ACTIONS, stdout);
        net_infer_codes(codes, action_codes);
        fwrite(action_codes, sizeof(int16_t), NET_ACTIONS, stdout);
        free(observation);
        free(action);
        free(codes);
        free(action_codes);
    }
    return 0;
}
