//! A chart of all rows that have a floor: two bars each, the longer of both as wide as the chart. What colour says is said
//! in words as well, and the whole in the description, for whoever does not see it.

use std::fmt::Write as _;

use super::line::Line;
use crate::rows::Better;
use crate::statistics::short;

const WIDTH: f64 = 860.0;
const MARGIN: f64 = 10.0;
const LONGEST: f64 = 610.0;
const HEAD: f64 = 66.0;
const ROW: f64 = 80.0;
const BAR: f64 = 14.0;
const GREY: &str = "#afb8c1";
const DARK: &str = "#1b1f24";
const SOFT: &str = "#57606a";

/// A row that has both.
struct Shown<'a> {
    line: &'a Line,
    floor: f64,
    ours: f64,
}

pub fn svg(lines: &[Line]) -> String {
    let shown: Vec<Shown<'_>> =
        lines.iter().filter_map(|line| Some(Shown { line, floor: line.floor?, ours: line.ours? })).collect();
    let height = HEAD + ROW * shown.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\" role=\"img\" aria-labelledby=\"title description\">\n\
         <title id=\"title\">Keyledger beside its floors</title>\n<desc id=\"description\">{}</desc>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escaped(&described(&shown))
    );
    text(&mut svg, 24.0, "font-size=\"15\" font-weight=\"bold\"", DARK, "Keyledger beside its floors");
    let key = "Each row has its own scale. Upper bar, grey: the floor. Lower bar: ours, green where the aim holds, orange where \
               it is missed.";
    text(&mut svg, 43.0, "", SOFT, key);
    for (at, row) in shown.iter().enumerate() {
        row.draw(&mut svg, HEAD + ROW * at as f64);
    }
    svg += "</svg>\n";
    svg
}

fn described(shown: &[Shown<'_>]) -> String {
    let rows: Vec<String> = shown.iter().map(Shown::described).collect();
    format!("Two bars for each of {} rows, the floor and ours. {}", rows.len(), rows.join(" "))
}

impl Shown<'_> {
    fn label(&self) -> String {
        format!("{} [{}]", self.line.row, self.line.unit)
    }

    fn judged(&self) -> String {
        let better = match self.line.better {
            Better::More => "more is better",
            Better::Less => "less is better",
        };
        let ratio =
            self.line.ratio.map_or_else(String::new, |ratio| format!("{} of the floor; ", short(ratio)));
        format!("{ratio}{better}; aim: {}", self.line.aim)
    }

    fn described(&self) -> String {
        let (label, judged, verdict) = (self.label(), self.judged(), self.line.verdict());
        format!("{label}: floor {}, ours {}; {judged}: {verdict}.", short(self.floor), short(self.ours))
    }

    fn draw(&self, svg: &mut String, top: f64) {
        let longest = self.floor.max(self.ours).max(f64::MIN_POSITIVE);
        let colour = match self.line.holds {
            Some(true) => "#2da44e",
            Some(false) => "#e36209",
            None => "#8250df",
        };
        text(svg, top + 11.0, "", DARK, &self.label());
        let bars = [(self.floor, GREY, "floor"), (self.ours, colour, "ours")];
        for (number, (value, colour, whose)) in bars.into_iter().enumerate() {
            let y = top + 17.0 + (BAR + 2.0) * number as f64;
            let length = LONGEST * (value / longest).clamp(0.0, 1.0);
            let _ = writeln!(
                svg,
                "<rect x=\"{MARGIN}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{SOFT}\">{} {whose}</text>",
                length + MARGIN + 6.0,
                y + 11.5,
                short(value)
            );
        }
        let judged = escaped(&self.judged());
        let _ = writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{}\" fill=\"{SOFT}\">{judged}: \
             <tspan font-weight=\"bold\" fill=\"{DARK}\">{}</tspan></text>",
            top + 61.0,
            self.line.verdict()
        );
    }
}

fn text(svg: &mut String, y: f64, how: &str, colour: &str, words: &str) {
    let gap = if how.is_empty() { "" } else { " " };
    let _ =
        writeln!(svg, "<text x=\"{MARGIN}\" y=\"{y}\"{gap}{how} fill=\"{colour}\">{}</text>", escaped(words));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(row: &str, better: Better, holds: Option<bool>) -> Line {
        let (unit, aim) = ("calls/s".to_owned(), "at least <1>".to_owned());
        let (floor, ours, rounds) = (Some(100.0), Some(87.0), Some(5));
        let (floor_rounds, ours_rounds, ratio) = (rounds, rounds, Some(0.87));
        Line { row: row.to_owned(), unit, better, floor, floor_rounds, ours, ours_rounds, ratio, aim, holds }
    }

    #[test]
    fn what_colour_says_is_said_in_words() {
        let lines = [line("a", Better::More, Some(true)), line("b", Better::Less, Some(false))];
        let svg = svg(&lines);
        let told = "a [calls/s]: floor 100, ours 87.0; 0.87 of the floor; more is better; aim: at least &lt;1&gt;: holds.";
        assert!(svg.contains(told), "{svg}");
        assert!(svg.contains("less is better; aim: at least &lt;1&gt;: <tspan"), "{svg}");
        assert!(svg.contains(">missed</tspan>"), "{svg}");
    }

    /// A letter is about 6.5 wide in the mean, and nothing but the margin stands beside a label.
    #[test]
    fn labels_have_room() {
        let json = include_str!("../../../../docs/benchmarks.json");
        let lines: Vec<Line> = serde_json::from_str(json).unwrap();
        for line in lines {
            let shown = Shown { line: &line, floor: 1.0, ours: 1.0 };
            for text in [shown.label(), format!("{}: not judged", shown.judged())] {
                assert!(text.chars().count() as f64 * 6.5 < WIDTH - 2.0 * MARGIN, "{text}");
            }
        }
    }
}
