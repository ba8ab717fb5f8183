/* future.c: a module for an interface that is yet to come.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

extern const unsigned int kmemlab_plugin_abi;
const unsigned int kmemlab_plugin_abi = 1000000;
