//! What the catalog makes of a definition, against the pages that `plimsoll explain` prints: each example is told on the lines that its page names.
//! A block `json` is the catalog, a section a line.

use events::order;
use lint::rules::elsewhere::{self, Elsewhere};
use verdict::{Order, OrderRecord, Sequence};

use super::*;

fn snapshot(page: &str) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (sequence, line) in (1..).zip(block(page, "json").lines()) {
        let record = OrderRecord {
            sequence: Sequence(sequence),
            operator: "alice".parse().unwrap(),
            at: OffsetDateTime::UNIX_EPOCH,
            order: order::decode_body(order::CATALOG, line.as_bytes()).unwrap(),
        };
        assert!(matches!(record.order, Order::Catalog(_)));
        assert_eq!(snapshot.apply(&record), verdict::Outcome::Accepted, "{line}");
    }
    snapshot
}

/// The text of the block of that kind.
fn block<'p>(page: &'p str, kind: &str) -> &'p str {
    let (_, behind) =
        page.split_once(&format!("```{kind}\n")).unwrap_or_else(|| panic!("no {kind} in: {page}"));
    behind.split_once("```").unwrap().0
}

#[track_caller]
fn check(snapshot: &Snapshot, other: &Elsewhere, definition: &str, fires: &[u32]) {
    let request = ScanRequest {
        definition: definition.to_owned(),
        project: "shop".parse().ok(),
        ..ScanRequest::default()
    };
    let reply = scan(snapshot, &request, OffsetDateTime::UNIX_EPOCH);
    let own = reply.findings.iter().filter(|finding| finding.code == other.code);
    let found: Vec<u32> = own.map(|finding| finding.line).collect();
    assert_eq!(found, fires, "{}:\n{definition}", other.code);
    // Whoever asks the catalog alone is told the same.
    let (file, inputs) = (Dockerfile::parse(definition).unwrap(), Inputs::default());
    let catalog = alone::Catalog {
        snapshot,
        project: request.project.as_ref(),
        inputs: &inputs,
        now: OffsetDateTime::UNIX_EPOCH,
    };
    let alone: Vec<Finding> = catalog.says(&file).into_iter().map(|told| told.finding).collect();
    let of_catalog = |finding: &Finding| finding.code.starts_with("PL2");
    let together: Vec<Finding> = reply.findings.iter().filter(|found| of_catalog(found)).cloned().collect();
    assert_eq!(alone, together);
}

#[test]
fn every_page_of_the_catalogs_codes_says_what_is_told() {
    for other in elsewhere::ALL.iter().filter(|other| other.code.starts_with("PL2")) {
        let snapshot = snapshot(other.page);
        let (_, told) = other.page.split_once("```dockerfile fires=").unwrap();
        let (lines, told) = told.split_once('\n').unwrap();
        let lines: Vec<u32> = lines.split(',').map(|line| line.parse().unwrap()).collect();
        check(&snapshot, other, told.split_once("```").unwrap().0, &lines);
        check(&snapshot, other, block(other.page, "dockerfile quiet"), &[]);
    }
}
