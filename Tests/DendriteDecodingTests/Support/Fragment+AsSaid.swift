// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding

extension Fragment {
  /// What was said, whoever guessed it.
  var asSaid: Fragment {
    Fragment(text: text, tokenID: tokenID, logProbability: logProbability)
  }
}
