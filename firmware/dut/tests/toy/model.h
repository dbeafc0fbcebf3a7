/* The toy workload's sizes: what tables write for a real one. */
#ifndef MODEL_H
#define MODEL_H

#define MODEL_BUFFER_BYTES 40u
#define MODEL_MACS 0u

#endif
