// SPDX-License-Identifier: Apache-2.0
public import DendriteDistributed
internal import DendriteCompute
internal import DendriteModel

/// Who shares the contexts of a model, each keeping a part of every history.
///
/// Any number of ranks gives the same text, and more memory for context: each keeps all weights and its part of the
/// keys and values.
public enum ContextRanks: Sendable {
  /// So many ranks in this process: 1, 2, 4, 8 or 16, which share the weights and divide the threads.
  case threads(Int)
  /// Ranks elsewhere; this one is rank 0 of the group. `options` is whatever all must be started with alike.
  case group(any Communicator, options: String)

  /// The group as rank 0 sees it, and what it takes to start the others.
  func join(_ machine: Machine) throws(DistributedError) -> JoinedRanks {
    switch self {
    case .threads(let count):
      let group = try InProcessGroup(
        rankCount: count, threadsPerRank: max(1, machine.threads / max(1, count)))
      return JoinedRanks(
        communicator: group.communicators[0], local: Array(group.communicators.dropFirst()),
        options: "")
    case .group(let communicator, let options):
      return JoinedRanks(communicator: communicator, local: [], options: options)
    }
  }
}

/// A group of ranks that a model is about to lead.
struct JoinedRanks {
  let communicator: any Communicator
  /// The ranks that are threads of this process.
  let local: [any Communicator]
  let options: String

  /// Threads that rank 0 may use of a machine's.
  func machine(_ whole: Machine) throws(ComputeError) -> Machine {
    guard !local.isEmpty else { return whole }
    return try Machine(
      threads: max(1, whole.threads / (local.count + 1)), variant: whole.variant,
      cores: whole.cores)
  }

  /// Starts the ranks of this process, and takes the lead of all.
  func lead(_ model: CPUTransformer) throws -> DistributedModel {
    for communicator in local {
      let reduction = try TreeReduction(communicator)
      let machine = try Machine(
        threads: model.machine.threads, variant: model.machine.variant, cores: model.machine.cores)
      let rank = try model.copy(on: machine, sharding: reduction)
      let thread = NativeThread.start {
        // A follower's failure reaches rank 0 through the group.
        try? Follower.follow(model: rank, communicator: communicator)
      }
      if thread == nil { communicator.fail("no thread left for rank \(communicator.rank)") }
    }
    return try DistributedModel(model: model, communicator: communicator, options: options)
  }
}
