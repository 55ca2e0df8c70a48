"""Education: lessons with the borrower's own amounts, the repayment planner, the budget check, the cost of other loans.

All of it explains. Nothing here sells credit or decides anything.
"""
