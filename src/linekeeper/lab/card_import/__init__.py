"""A lender's own model as a card: files of LightGBM, XGBoost and scikit-learn, point tables, PMML scorecards.

Nothing here runs a model's own code, and nothing is unpickled. What a file says is read, or it is refused.
"""
