// SPDX-License-Identifier: Apache-2.0

/// Beginnings of texts behind which exits are studied, if nobody names others.
package enum StudyPrompts {
  /// Functions in Python and Swift, and small problems.
  package static let all = python + swift + problems

  private static let python = [
    """
    def fibonacci(n):
        \"\"\"Return the n-th Fibonacci number.\"\"\"
    """,
    """
    def is_palindrome(text: str) -> bool:
        \"\"\"Check whether a text reads the same backwards, ignoring case and spaces.\"\"\"
    """,
    """
    from json import load

    def load_settings(path):
        with open(path) as file:
    """,
    """
    class Stack:
        def __init__(self):
            self.items = []

        def push(self, item):
    """,
  ]

  private static let swift = [
    """
    /// Returns the largest element, or nil if there is none.
    func largest(_ values: [Int]) -> Int? {
    """,
    """
    struct Point: Equatable {
      var x: Double
      var y: Double

      func distance(to other: Point) -> Double {
    """,
    """
    extension String {
      /// The words of the text, in lower case.
      var words: [String] {
    """,
    """
    func binarySearch<T: Comparable>(_ sorted: [T], for key: T) -> Int? {
      var low = 0
      var high = sorted.count
    """,
  ]

  private static let problems = [
    """
    Question: A baker packs 12 rolls into each bag. She fills 7 bags and has 5 rolls left over. How many \
    rolls did she bake?
    Answer:
    """,
    """
    Question: A train travels 60 kilometres in 45 minutes. How far does it travel in 2 hours at the same speed?
    Answer:
    """,
    """
    Question: Lena saves 4 euros a week. After how many weeks can she buy a book for 18 euros?
    Answer:
    """,
    """
    Question: What is the sum of the first 10 odd numbers?
    Answer:
    """,
  ]
}
