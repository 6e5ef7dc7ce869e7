// SPDX-License-Identifier: Apache-2.0
//
// What ranks need of MPI, as functions that Swift can call: communicators, requests and constants are macros in
// one library and pointers in another. Every function returns MPI_SUCCESS or the library's error code; messages
// are bytes. Only one thread at a time may be inside.
#pragma once

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

// All ranks in the order of their numbers, and those of them that share this one's memory.
typedef struct {
  MPI_Comm all;
  MPI_Comm node;
  MPI_Win window;
  int has_window;
} dendrite_mpi_group;

// A message on its way.
typedef struct {
  MPI_Request request;
  int is_pending;
} dendrite_mpi_message;

// What became of a message.
typedef struct {
  int is_done;
  int bytes;        // of a message that was received
  int is_truncated; // it is longer than the buffer, and was not received
} dendrite_mpi_outcome;

// Starts MPI, unless this process has started or ended it before: `is_new` is 0 then.
static inline int dendrite_mpi_start(int *is_new, int *is_serialized) {
  int is_started = 0, level = MPI_THREAD_SINGLE;
  int code = MPI_Initialized(&is_started);
  *is_new = !is_started;
  if (code != MPI_SUCCESS || is_started) return code;
  code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
  *is_serialized = level >= MPI_THREAD_SERIALIZED;
  if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  return code;
}

// This process's place among all that were started: `node` is the lowest rank that shares its memory. With
// `pretended` > 0 ranks act as if they were spread over so many nodes by turns, for tests on one machine.
static inline int dendrite_mpi_place(dendrite_mpi_group *group, int pretended, int *rank, int *count, int *node) {
  group->has_window = 0;
  int code = MPI_Comm_rank(MPI_COMM_WORLD, rank);
  if (code == MPI_SUCCESS) code = MPI_Comm_size(MPI_COMM_WORLD, count);
  if (code == MPI_SUCCESS)
    code = pretended > 0
               ? MPI_Comm_split(MPI_COMM_WORLD, *rank % pretended, *rank, &group->node)
               : MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, *rank, MPI_INFO_NULL, &group->node);
  if (code == MPI_SUCCESS) code = MPI_Allreduce(rank, node, 1, MPI_INT, MPI_MIN, group->node);
  return code;
}

// Every process's `node`, by the order in which they were started.
static inline int dendrite_mpi_gather(int node, int *nodes) {
  return MPI_Allgather(&node, 1, MPI_INT, nodes, 1, MPI_INT, MPI_COMM_WORLD);
}

// Numbers the ranks: `number` is this one's.
static inline int dendrite_mpi_join(dendrite_mpi_group *group, int number) {
  int code = MPI_Comm_split(MPI_COMM_WORLD, 0, number, &group->all);
  if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(group->all, MPI_ERRORS_RETURN);
  return code;
}

// Bits that at least one rank of the node has set.
static inline int dendrite_mpi_union(dendrite_mpi_group *group, uint64_t *words, int count) {
  return MPI_Allreduce(MPI_IN_PLACE, words, count, MPI_UINT64_T, MPI_BOR, group->node);
}

// Memory that all ranks of the node see.
static inline int dendrite_mpi_share(dendrite_mpi_group *group, long bytes, void **base) {
  int rank = 0, unit = 0;
  MPI_Aint size = 0;
  int code = MPI_Comm_set_errhandler(group->node, MPI_ERRORS_RETURN);
  if (code == MPI_SUCCESS) code = MPI_Comm_rank(group->node, &rank);
  if (code == MPI_SUCCESS)
    code = MPI_Win_allocate_shared(rank == 0 ? (MPI_Aint)bytes : 0, 1, MPI_INFO_NULL, group->node, base,
                                   &group->window);
  if (code != MPI_SUCCESS) return code;
  group->has_window = 1;
  return MPI_Win_shared_query(group->window, 0, &size, &unit, base);
}

// Waits for all ranks of the node.
static inline int dendrite_mpi_meet(dendrite_mpi_group *group) { return MPI_Barrier(group->node); }

// Begins to send; the bytes must stay until the message is done.
static inline int dendrite_mpi_send(dendrite_mpi_group *group, dendrite_mpi_message *message, const void *bytes,
                                    int count, int rank, int tag) {
  const int code = MPI_Isend(bytes, count, MPI_BYTE, rank, tag, group->all, &message->request);
  message->is_pending = code == MPI_SUCCESS;
  return code;
}

// Looks whether a message that was sent has left; what has left stays so.
static inline int dendrite_mpi_test(dendrite_mpi_message *message, dendrite_mpi_outcome *outcome) {
  outcome->is_done = 1, outcome->bytes = 0, outcome->is_truncated = 0;
  if (!message->is_pending) return MPI_SUCCESS;
  MPI_Status status;
  const int code = MPI_Test(&message->request, &outcome->is_done, &status);
  if (code != MPI_SUCCESS || outcome->is_done) message->is_pending = 0;
  if (code != MPI_SUCCESS || !outcome->is_done) return code;
  return MPI_Get_count(&status, MPI_BYTE, &outcome->bytes);
}

// Looks for the next message of a rank and receives it; to be called until it is done.
//
// A message is asked for only once it is there and known to fit: Open MPI 4.1 writes one that is longer than the
// buffer behind its end, if it comes by cross-memory attach, before it says so.
static inline int dendrite_mpi_receive(dendrite_mpi_group *group, dendrite_mpi_message *message, void *bytes,
                                       int capacity, int rank, int tag, dendrite_mpi_outcome *outcome) {
  outcome->is_done = 0, outcome->bytes = 0, outcome->is_truncated = 0;
  if (!message->is_pending) {
    MPI_Status status;
    int is_there = 0, count = 0;
    int code = MPI_Iprobe(rank, tag, group->all, &is_there, &status);
    if (code != MPI_SUCCESS || !is_there) return code;
    code = MPI_Get_count(&status, MPI_BYTE, &count);
    if (code != MPI_SUCCESS) return code;
    if (count > capacity) {
      outcome->is_done = outcome->is_truncated = 1, outcome->bytes = count;
      return MPI_SUCCESS;
    }
    code = MPI_Irecv(bytes, count, MPI_BYTE, rank, tag, group->all, &message->request);
    if (code != MPI_SUCCESS) return code;
    message->is_pending = 1;
  }
  return dendrite_mpi_test(message, outcome);
}

// Looks for a message that nobody has asked for; `tag` is -1 if there is none.
static inline int dendrite_mpi_look(dendrite_mpi_group *group, int rank, int *tag, int *bytes) {
  MPI_Status status;
  int is_there = 0;
  *tag = -1;
  int code = MPI_Iprobe(rank, MPI_ANY_TAG, group->all, &is_there, &status);
  if (code != MPI_SUCCESS || !is_there) return code;
  *tag = status.MPI_TAG;
  return MPI_Get_count(&status, MPI_BYTE, bytes);
}

// Ends the processes of all ranks.
static inline void dendrite_mpi_abort(int status) { MPI_Abort(MPI_COMM_WORLD, status); }

// Leaves the group; all ranks must.
static inline int dendrite_mpi_end(dendrite_mpi_group *group) {
  int code = MPI_SUCCESS;
  if (group->has_window) code = MPI_Win_free(&group->window);
  if (code == MPI_SUCCESS) code = MPI_Comm_free(&group->all);
  if (code == MPI_SUCCESS) code = MPI_Comm_free(&group->node);
  const int last = MPI_Finalize();
  return code == MPI_SUCCESS ? last : code;
}

// The library's words for a code; room for DENDRITE_MPI_WORDS bytes.
enum { DENDRITE_MPI_WORDS = MPI_MAX_ERROR_STRING + 1 };
static inline void dendrite_mpi_words(int code, char *words) {
  int length = 0;
  if (MPI_Error_string(code, words, &length) != MPI_SUCCESS) length = 0;
  words[length] = 0;
}
