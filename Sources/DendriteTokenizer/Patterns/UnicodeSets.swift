// SPDX-License-Identifier: Apache-2.0

/// The sets of scalars that patterns call by name, from the standard library's Unicode tables.
enum UnicodeSets {
  /// The scalars of each general category.
  private static let categories: [Unicode.GeneralCategory: ScalarSet] = {
    var ranges: [Unicode.GeneralCategory: [ClosedRange<UInt32>]] = [:]
    var begin: UInt32 = 0
    var current = Unicode.GeneralCategory.control
    func close(_ end: UInt32) { ranges[current, default: []].append(begin...end) }
    var value: UInt32 = 0
    while value <= ScalarSet.last {
      let category = Self.category(value)
      if category != current {
        close(value - 1)
        (begin, current) = (value, category)
      }
      // Planes 4 to 13 and 15 to 16 hold nothing but unassigned and private scalars.
      value = value == 0x3FFFF ? 0xE0000 : value == 0xE1000 ? 0xEFFF0 : value + 1
      if value == 0xF0010 { value = 0xFFFF0 }
      if value == 0x100010 { value = 0x10FFF0 }
    }
    close(ScalarSet.last)
    return ranges.mapValues { ScalarSet($0) }
  }()

  private static func category(_ value: UInt32) -> Unicode.GeneralCategory {
    Unicode.Scalar(value)?.properties.generalCategory ?? .surrogate
  }

  private static func set(_ members: Unicode.GeneralCategory...) -> ScalarSet {
    ScalarSet(members.flatMap { categories[$0]?.ranges ?? [] })
  }

  private static func scalars(
    below limit: UInt32, where isMember: (Unicode.Scalar.Properties) -> Bool
  ) -> ScalarSet {
    var ranges: [ClosedRange<UInt32>] = []
    for value in 0..<limit {
      guard let scalar = Unicode.Scalar(value), isMember(scalar.properties) else { continue }
      if let last = ranges.last, last.upperBound + 1 == value {
        ranges[ranges.count - 1] = last.lowerBound...value
      } else {
        ranges.append(value...value)
      }
    }
    return ScalarSet(ranges)
  }

  static let letter = set(
    .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter)
  static let mark = set(.nonspacingMark, .spacingMark, .enclosingMark)
  static let nonspacingMark = set(.nonspacingMark)
  static let number = set(.decimalNumber, .letterNumber, .otherNumber)
  static let digit = set(.decimalNumber)
  static let punctuation = set(
    .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
    .initialPunctuation, .finalPunctuation, .otherPunctuation)
  static let symbol = set(.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol)
  static let separator = set(.spaceSeparator, .lineSeparator, .paragraphSeparator)
  static let control = set(.control)
  static let whitespace = scalars(below: 0x3001) { $0.isWhitespace }
  static let alphabetic = scalars(below: 0x34000) { $0.isAlphabetic }
  static let uppercase = scalars(below: 0x20000) { $0.isUppercase }
  static let lowercase = scalars(below: 0x20000) { $0.isLowercase }
  /// `\w` as Unicode has it: alphabetic scalars, marks, decimal digits, connecting punctuation and
  /// the two joiners.
  static let wordWithJoiners = alphabetic.union(mark).union(digit)
    .union(set(.connectorPunctuation)).union(ScalarSet([0x200C...0x200D]))
  /// `\w` inside a class as Oniguruma has it: without the joiners.
  static let wordInClass = wordWithJoiners.subtracting(ScalarSet([0x200C...0x200D]))
  /// `\w` outside a class as Oniguruma has it: with the numbers of Latin-1 as well.
  static let word = wordInClass.union(ScalarSet([0xB2...0xB3, 0xB9...0xB9, 0xBC...0xBE]))
  static let asciiPunctuation = ScalarSet([0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E])
  static let newlines = ScalarSet([0x0A...0x0D, 0x85...0x85, 0x2028...0x2029])
  static let hexDigit = ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
  static let assigned = set(.unassigned).inverted

  /// The set of a property, by the name in `\p{…}` or `[:…:]`; nil for an unknown name.
  static func named(_ name: String) -> ScalarSet? {
    let key = name.lowercased().filter { $0 != "_" && $0 != " " && $0 != "-" }
    if let set = category(named: key) ?? property(named: key) { return set }
    for prefix in ["script=", "sc=", "scx=", "is", "generalcategory=", "gc="]
    where key.hasPrefix(prefix) {
      let rest = String(key.dropFirst(prefix.count))
      return category(named: rest) ?? ScriptTable.set(named: rest)
    }
    return ScriptTable.set(named: key)
  }

  private static func property(named key: String) -> ScalarSet? {
    switch key {
    case "any": .all
    case "assigned": assigned
    case "alphabetic", "alpha": alphabetic
    case "uppercase", "upper": uppercase
    case "lowercase", "lower": lowercase
    case "whitespace", "space", "wspace": whitespace
    case "word": wordInClass
    case "digit": digit
    case "alnum": alphabetic.union(digit)
    case "punct": punctuation.union(symbol)
    case "cntrl": control
    case "xdigit", "asciihexdigit", "ahex": hexDigit
    case "blank": set(.spaceSeparator).union(ScalarSet(0x09))
    case "ascii": ScalarSet([0...0x7F])
    case "graph": whitespace.union(control).union(set(.unassigned, .surrogate)).inverted
    case "print":
      whitespace.union(control).union(set(.unassigned, .surrogate)).inverted
        .union(set(.spaceSeparator))
    default: nil
    }
  }

  private static func category(named key: String) -> ScalarSet? {
    switch key {
    case "l", "letter": letter
    case "lc", "l&", "casedletter": set(.uppercaseLetter, .lowercaseLetter, .titlecaseLetter)
    case "lu", "uppercaseletter": set(.uppercaseLetter)
    case "ll", "lowercaseletter": set(.lowercaseLetter)
    case "lt", "titlecaseletter": set(.titlecaseLetter)
    case "lm", "modifierletter": set(.modifierLetter)
    case "lo", "otherletter": set(.otherLetter)
    case "m", "mark", "combiningmark": mark
    case "mn", "nonspacingmark": nonspacingMark
    case "mc", "spacingmark": set(.spacingMark)
    case "me", "enclosingmark": set(.enclosingMark)
    case "n", "number": number
    case "nd", "decimalnumber": digit
    case "nl", "letternumber": set(.letterNumber)
    case "no", "othernumber": set(.otherNumber)
    case "p", "punctuation": punctuation
    case "pc", "connectorpunctuation": set(.connectorPunctuation)
    case "pd", "dashpunctuation": set(.dashPunctuation)
    case "ps", "openpunctuation": set(.openPunctuation)
    case "pe", "closepunctuation": set(.closePunctuation)
    case "pi", "initialpunctuation": set(.initialPunctuation)
    case "pf", "finalpunctuation": set(.finalPunctuation)
    case "po", "otherpunctuation": set(.otherPunctuation)
    case "s", "symbol": symbol
    case "sm", "mathsymbol": set(.mathSymbol)
    case "sc", "currencysymbol": set(.currencySymbol)
    case "sk", "modifiersymbol": set(.modifierSymbol)
    case "so", "othersymbol": set(.otherSymbol)
    case "z", "separator": separator
    case "zs", "spaceseparator": set(.spaceSeparator)
    case "zl", "lineseparator": set(.lineSeparator)
    case "zp", "paragraphseparator": set(.paragraphSeparator)
    case "c", "other": set(.control, .format, .surrogate, .privateUse, .unassigned)
    case "cc": control
    case "cf", "format": set(.format)
    case "cs", "surrogate": set(.surrogate)
    case "co", "privateuse": set(.privateUse)
    case "cn", "unassigned": set(.unassigned)
    default: nil
    }
  }

  /// What a cleaning normaliser removes: controls, format and private characters.
  static let other = set(.control, .format, .privateUse)
}
