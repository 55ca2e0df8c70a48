"""A seeded population of borrowers with a consumer cash line: who they are, how they live, what a lender sees.

It is an open loop: nobody here reads a policy's decisions. People draw up to the limit they were granted at the
start, whatever a policy would say today; so the events are what a policy is judged on, never its effect.

    population(accounts=3_000, days=730, seed=1).events   # an event table for policies/consumer-loan.yaml
"""

from linekeeper.lab.population.life import Population, population

__all__ = ["Population", "population"]
