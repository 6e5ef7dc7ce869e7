// SPDX-License-Identifier: Apache-2.0

/// One page that needs nothing beside it: no scripts, no fonts, nothing from elsewhere.
///
/// It follows the reader's light or dark setting and prints well. Every text that is put in is escaped.
package struct HTMLPage: Sendable, Hashable {
  /// A piece of the page.
  package enum Part: Sendable, Hashable {
    case heading(String)
    case paragraph(String)
    case facts([Report.Fact])
    /// A command or the like, as it stands.
    case code(String)
    /// An image as ``BarChart/svg(id:)`` draws it; the only text that is not escaped here.
    case figure(svg: String)
    case table(Table, caption: String)
    case notes([String])
  }

  /// The title.
  package var title: String
  /// The pieces, from top to bottom.
  package var parts: [Part]

  /// A page.
  package init(_ title: String, parts: [Part] = []) {
    self.title = title
    self.parts = parts
  }

  /// The page as HTML.
  package func text() -> String {
    let title = Markup.escaped(title)
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>\(title)</title>
      <style>
      \(Self.style)
      </style>
      </head>
      <body>
      <main>
      <h1>\(title)</h1>
      \(parts.map(Self.html).joined(separator: "\n"))
      </main>
      </body>
      </html>

      """
  }

  private static func html(_ part: Part) -> String {
    switch part {
    case .heading(let text): "<h2>\(Markup.escaped(text))</h2>"
    case .paragraph(let text): "<p>\(Markup.escaped(text))</p>"
    case .facts(let facts):
      "<dl>\n"
        + facts.map {
          "<dt>\(Markup.escaped($0.name))</dt><dd>\(Markup.escaped($0.value))</dd>\n"
        }.joined() + "</dl>"
    case .code(let text): "<pre><code>\(Markup.escaped(text))</code></pre>"
    case .figure(let svg): "<figure>\n\(svg)\n</figure>"
    case .table(let table, let caption): html(table, caption)
    case .notes(let notes):
      "<ul>\n" + notes.map { "<li>\(Markup.escaped($0))</li>\n" }.joined() + "</ul>"
    }
  }

  private static func html(_ table: Table, _ caption: String) -> String {
    func row(_ cells: [String], _ tag: String) -> String {
      let cells = zip(cells, table.columns).map { cell, column in
        let style = column.alignment == .right ? " class=\"figure\"" : ""
        let scope = tag == "th" ? " scope=\"col\"" : ""
        return "<\(tag)\(scope)\(style)>\(Markup.escaped(cell))</\(tag)>"
      }
      return "<tr>\(cells.joined())</tr>\n"
    }
    return "<div class=\"wide\"><table>\n<caption>\(Markup.escaped(caption))</caption>\n<thead>\n"
      + row(table.columns.map(\.title), "th") + "</thead>\n<tbody>\n"
      + table.rows.map { row($0, "td") }.joined() + "</tbody>\n</table></div>"
  }

  private static let style = """
    :root { color-scheme: light dark; --ink: #222; --pale: #666; --line: #ddd; --ground: #fff; --code: #f4f5f6 }
    @media (prefers-color-scheme: dark) {
      :root { --ink: #ddd; --pale: #aaa; --line: #3a3f44; --ground: #14171a; --code: #1e2226 }
    }
    body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
    main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem }
    h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.2rem }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 1rem 0 }
    dt { color: var(--pale) } dd { margin: 0; overflow-wrap: anywhere }
    pre { background: var(--code); padding: .8rem 1rem; border-radius: 6px; white-space: pre-wrap;
      overflow-wrap: anywhere; font-size: .85rem }
    figure { margin: 1.6rem 0; break-inside: avoid } figure svg { width: 100%; height: auto }
    .wide { overflow-x: auto }
    table { border-collapse: collapse; font-size: .85rem; margin: 1rem 0 }
    caption { text-align: left; color: var(--pale); padding-bottom: .4rem }
    th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top }
    th { border-bottom-width: 2px } .figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
    li { margin: .3rem 0 }
    """
}
