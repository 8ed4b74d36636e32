"""Measure stagemix, beside plain ways and public libraries, in one run.

    python3 scripts/bench.py classifier --codes coded.csv --corpus posts.parquet --out bench.json
    python3 scripts/bench.py statistics --out statistics.json --quick
    python3 scripts/bench.py agreement --out agreement.json
    python3 scripts/bench.py coding --out coding.json --quick

`classifier`: CODES has post_id, title, text, the column named by --column (agreed), and every post
of it is added to the corpus. `statistics`: on simulated worlds (see `measure/`), and
with --texts on texts dealt out to accounts, a parquet file of `tokens` (words with blanks between)
and `label`. `agreement`: how fast reliability is, beside a loop around the krippendorff package, and with
--coverage how often its interval holds the true alpha. `coding`: the coding page under load and killed, and Potato
(which is downloaded) under the same load. Figures are written to --out with date, machine and versions.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from environment import FOLDER, ready


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    classifier = commands.add_parser("classifier", help="on posts and codes of your own")
    classifier.add_argument("--codes", type=Path, required=True)
    classifier.add_argument("--corpus", type=Path, nargs="+", required=True)
    classifier.add_argument("--column", default="agreed")
    classifier.add_argument("--seeds", type=int, default=3)
    classifier.add_argument("--out", type=Path, default=Path("bench.json"))
    statistics = commands.add_parser("statistics", help="on simulated worlds")
    statistics.add_argument("--out", type=Path, default=Path("statistics.json"))
    statistics.add_argument("--quick", action="store_true", help="few replicates of everything")
    statistics.add_argument("--replicates", type=int, help="of every world, instead of the usual")
    statistics.add_argument("--texts", type=Path, help="a parquet file of tokens and label")
    statistics.add_argument("--jobs", type=int, default=2)
    statistics.add_argument("--only", help="parts, as shares,cells,texts,merging,alike,speed")
    agreement = commands.add_parser("agreement", help="reliability, beside public packages")
    agreement.add_argument("--out", type=Path, default=Path("agreement.json"))
    agreement.add_argument("--units", type=int, default=10_000)
    agreement.add_argument("--coders", type=int, default=5)
    agreement.add_argument("--resamples", type=int, default=1000)
    agreement.add_argument("--designs", type=int, default=200, help="random designs to compare")
    agreement.add_argument("--coverage", action="store_true", help="simulate the interval instead")
    agreement.add_argument("--replicates", type=int, help="of the simulation, instead of the usual")
    coding = commands.add_parser("coding", help="the coding page, beside Potato")
    coding.add_argument("--out", type=Path, default=Path("coding.json"))
    coding.add_argument("--quick", action="store_true", help="few posts, kills and keys")
    coding.add_argument("--without-potato", action="store_true", help="install and run no Potato")
    return parser.parse_args()


def main() -> int:
    arguments = parsed()
    extras = {"classifier": [], "coding": ["test"]}.get(arguments.command, ["bench"])
    if not FOLDER.exists() or not Path(sys.prefix).samefile(FOLDER):
        return subprocess.run([ready(*extras), *sys.argv]).returncode
    sys.path.insert(0, str(Path(__file__).with_name("measure")))
    if arguments.command == "coding":
        import coding

        coding.write(coding.measure(arguments), arguments)
        return 0
    if arguments.command == "agreement":
        import agreeing

        agreeing.write(agreeing.measure(arguments), arguments)
        return 0
    if arguments.command == "statistics":
        # replicates run beside each other, so none needs more than one core
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        import measuring

        measuring.write(measuring.measure(arguments), arguments)
        return 0
    import classifying

    result = classifying.measure(arguments)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    found = result["macro_f1"]
    print(f"macro-F1 {found['ours']:.3f}, the plain script {found['plain']:.3f}; {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
