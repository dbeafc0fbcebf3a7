/* The workload that this firmware was built for: what the harness may know about it.
 *
 * One workload per build: its tables come from build/models/<workload>/model.c, written by
 * `python -m firmware.tools.tables`.
 */
#ifndef JOULEBENCH_WORKLOAD_H
#define JOULEBENCH_WORKLOAD_H

#include <stdint.h>

/* Model id, as the reply to `profile` states it: "kws01". */
extern const char workload_model[];

/* "" with the weights of a .tflite file, else what they are: "synthetic, seed 1". */
extern const char workload_weights[];

/* Bytes of one input on the wire. */
uint32_t workload_input_bytes(void);

/* Capacity of the buffer behind `db`: the reference firmwares' sizes. */
uint32_t workload_buffer_bytes(void);

/* Multiply-accumulates of one inference. */
uint32_t workload_macs(void);

/* Takes an input in wire format (workload_input_bytes() bytes, any alignment) and quantises it into the
 * input tensor. It stays there for any number of inferences. */
void workload_load(const uint8_t *input);

/* One inference of what was loaded; before the first load: of zero bytes. */
void workload_infer(void);

/* A layer of the network. */
struct workload_layer {
    const char *name;         /* the operator's name in a .tflite file: "CONV_2D" */
    uint32_t macs;            /* multiply-accumulates */
    uint32_t parameter_bytes; /* of its weights and biases */
};

/* How many layers one inference runs. */
uint32_t workload_layer_count(void);

/* The k-th of them, in the order of their execution; k is less than their number, here and below. */
struct workload_layer workload_layer(uint32_t k);

/* Runs the layers before layer k, of what was loaded, so that layer k finds its inputs. */
void workload_before_layer(uint32_t k);

/* Runs layer k alone, any number of times. */
void workload_run_layer(uint32_t k);

/* How many numbers `m-results` prints. */
uint32_t workload_result_count(void);

/* The k-th of them: a class's probability, or ad01's mean squared error between the network's output and
 * the input as it came, computed here and not inside the measured inference, as the reference does.
 * 0 for a k that is not there. */
float workload_result(uint32_t k);

/* The raw output tensor of the last inference. */
const int8_t *workload_output(uint32_t *count);

#endif
