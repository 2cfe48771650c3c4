//! Chapter 7: the table, and how to look on.

use super::Times;
use crate::teller::Teller;

pub(super) fn show(teller: &Teller, times: &Times) {
    let Times { refused, patched, replaced, images, containers, builds, stragglers } = times;
    teller.line(format_args!("    publication → refused       {:>8.3} s", refused.as_secs_f64()));
    teller.line(format_args!("    publication → last patched  {:>8.3} s", patched.as_secs_f64()));
    teller.line(format_args!("    publication → last replaced {:>8.3} s", replaced.as_secs_f64()));
    teller.line(format_args!(
        "    images covered {images}, container runs patched {containers}, builds {builds}"
    ));
    for straggler in stragglers {
        teller.line(format_args!("    left over: {straggler}"));
    }
    teller.line("    look on:  plimsoll why IMAGE  ·  plimsoll status  ·  nats sub 'plimsoll.>'");
}
