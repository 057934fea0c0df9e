"""GraphBEAN: anomalies among the interactions of two kinds of things, in plain torch and PyTorch Geometric.

Source: Fathony, Ng, Chen, "Interaction-Focused Anomaly Detection on Bipartite Node-and-Edge-Attributed Graphs",
IJCNN 2023, doi:10.1109/IJCNN54540.2023.10191331.
"""
