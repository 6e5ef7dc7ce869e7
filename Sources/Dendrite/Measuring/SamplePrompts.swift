// SPDX-License-Identifier: Apache-2.0

/// Openings of code and of school mathematics, for measurements without a file of prompts.
public enum SamplePrompts {
  /// Functions to go on with.
  public static let code = [
    "def quick_sort(items):\n    \"\"\"Return the items in ascending order.\"\"\"\n",
    "def read_config(path):\n    \"\"\"Read a configuration file and return a dictionary.\"\"\"\n",
    "class Stack:\n    \"\"\"A last-in, first-out collection.\"\"\"\n\n    def __init__(self):\n",
    "import os\nimport sys\n\n\ndef main(argv=None):\n    parser = argparse.ArgumentParser(",
    "public struct Matrix {\n  public var rows: Int\n  public var columns: Int\n\n  public init(",
    "    def test_empty_input(self):\n        result = parse(\"\")\n        self.assert",
  ]

  /// Problems to solve.
  public static let maths = [
    "Question: Anna has 12 apples. She gives 3 to each of her 2 brothers. How many are left?\nAnswer:",
    "Question: A train travels 60 miles an hour for 3 hours and then 40 miles an hour for 2 hours. "
      + "How far does it go?\nAnswer:",
    "Question: A box holds 24 pencils. A school needs 600 pencils. How many boxes does it buy, and what "
      + "do they cost at $5 a box?\nAnswer:",
    "Question: Tom reads 15 pages a day. How many days does a book of 240 pages take him?\nAnswer:",
  ]

  /// Both.
  public static let all = code + maths
}
