"""`python -m tests.mistakes` prints the grades of the 84 mistakes; tests/mistakes proves them."""

from tests.mistakes.score import full, grades

if __name__ == "__main__":
    for row, (name, marks, cases) in grades().items():
        print(f"{row:>2} {' '.join(marks)}  {name} ({cases} cases)")
    print(f"{len(full())} of {len(grades())} say what is wrong, where, and what to do")
