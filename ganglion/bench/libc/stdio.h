/* SPDX-License-Identifier: Apache-2.0 */
/* Included by emlearn; nothing of <stdio.h> is used. */
