//! A chart of all rows that have a floor: two bars each, the longer of both as wide as the chart.

use std::fmt::Write as _;

use crate::rows::Row;
use crate::statistics::short;

const WIDTH: f64 = 860.0;
const TEXT: f64 = 250.0;
const ROW: f64 = 58.0;
const BAR: f64 = 14.0;

pub fn svg(rows: &[Row]) -> String {
    let shown: Vec<_> = rows.iter().filter_map(|row| Some((row, row.floor?, row.ours?))).collect();
    let height = 46.0 + ROW * shown.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"10\" y=\"24\" font-size=\"15\" font-weight=\"bold\" fill=\"#1b1f24\">Keyledger beside its floors</text>\n\
         <text x=\"{}\" y=\"24\" text-anchor=\"end\" fill=\"#57606a\">grey: the floor; green: ours, the aim holds; orange: \
         ours, it does not</text>\n",
        WIDTH - 10.0
    );
    for (at, (row, floor, ours)) in shown.iter().enumerate() {
        let top = 46.0 + ROW * at as f64;
        let longest = floor.median.max(ours.median).max(f64::MIN_POSITIVE);
        let colour = if row.holds == Some(true) { "#2da44e" } else { "#e36209" };
        let _ = writeln!(
            svg,
            "<text x=\"10\" y=\"{}\" fill=\"#1b1f24\">{} [{}]</text>",
            top + 11.0,
            escaped(&row.row),
            escaped(row.unit)
        );
        for (line, (value, colour)) in [(floor.median, "#afb8c1"), (ours.median, colour)].iter().enumerate() {
            let y = top + 17.0 + (BAR + 2.0) * line as f64;
            let length = (WIDTH - TEXT) * (value / longest).clamp(0.0, 1.0);
            let _ = writeln!(
                svg,
                "<rect x=\"10\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#57606a\">{}</text>",
                length + 16.0,
                y + 11.5,
                short(*value)
            );
        }
        let ratio =
            row.ratio.map_or_else(String::new, |ratio| format!("x{}, aim: {}", short(ratio), row.aim));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#1b1f24\">{}</text>",
            WIDTH - 10.0,
            top + 11.0,
            escaped(&ratio)
        );
    }
    svg += "</svg>\n";
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
