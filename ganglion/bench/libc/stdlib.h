/* SPDX-License-Identifier: Apache-2.0 */
/* Included by emlearn; nothing of <stdlib.h> is used. */
